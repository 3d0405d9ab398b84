'use strict';
// Express whose requests and answers are made with Express's own prototypes. By default it sets the
// prototypes of both anew for each request, and then V8's compiled code does not fit them any more.
// All else is as in peers/express.
const cluster = require('node:cluster');
const http = require('node:http');
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

/** Node's classes with the prototypes that this application would give to their objects. */
function classesOf(app) {
  function Request(socket) {
    http.IncomingMessage.call(this, socket);
  }
  function Response(request, options) {
    http.ServerResponse.call(this, request, options);
  }
  Request.prototype = app.request;
  Response.prototype = app.response;
  return { IncomingMessage: Request, ServerResponse: Response };
}

function serve() {
  let requests = 0;
  const app = express();
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
  http.createServer(classesOf(app), app).listen(port, '127.0.0.1');
}

if (workers > 1 && cluster.isPrimary) {
  // Node deals connections out itself by default; so the kernel does, as it does for the others.
  cluster.schedulingPolicy = cluster.SCHED_NONE;
  for (let worker = 0; worker < workers; worker += 1) cluster.fork();
} else {
  serve();
}
