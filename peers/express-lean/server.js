'use strict';
// Express without the two header fields that it adds by default: ETag, a hash of the answer's body,
// and X-Powered-By. All else is as in peers/express.
const cluster = require('node:cluster');
const { performance } = require('node:perf_hooks');
const express = require('express');

const port = Number(process.env.PORT);
const workers = Number(process.env.WORKERS);

/** The article's work: the sum of i * 2 for i below 1,000. */
function work() {
  let result = 0;
  for (let i = 0; i < 1000; i += 1) result += i * 2;
  return result;
}

function serve() {
  let requests = 0;
  const app = express();
  app.disable('etag');
  app.disable('x-powered-by');
  app.get('/plaintext', (request, response) => {
    response.type('text/plain').send('Hello, World!');
  });
  app.get('/json', (request, response) => {
    response.json({ message: 'Hello, World!' });
  });
  app.get('/benchmark', (request, response) => {
    const start = performance.now();
    const result = work();
    // Node's timers count milliseconds and know none below 1: ten times the article's wait.
    setTimeout(() => {
      requests += 1;
      response.json({
        result,
        processing_time_us: Math.round((performance.now() - start) * 1000),
        request_id: requests,
        timestamp: new Date().toISOString(),
      });
    }, 1);
  });
  app.listen(port, '127.0.0.1');
}

if (workers > 1 && cluster.isPrimary) {
  // Node deals connections out itself by default; so the kernel does, as it does for the others.
  cluster.schedulingPolicy = cluster.SCHED_NONE;
  for (let worker = 0; worker < workers; worker += 1) cluster.fork();
} else {
  serve();
}
