'use strict';
// Fastify as its documentation begins, three routes, with a schema for each JSON answer, which is
// what it recommends for speed. More than one worker: Node's own cluster.
const cluster = require('node:cluster');
const { performance } = require('node:perf_hooks');
const { setTimeout: sleep } = require('node:timers/promises');
const fastify = require('fastify');

const port = Number(process.env.PORT);
const workers = Number(process.env.WORKERS);

const message = {
  schema: {
    response: { 200: { type: 'object', properties: { message: { type: 'string' } } } },
  },
};
const findings = {
  schema: {
    response: {
      200: {
        type: 'object',
        properties: {
          result: { type: 'integer' },
          processing_time_us: { type: 'integer' },
          request_id: { type: 'integer' },
          timestamp: { type: 'string' },
        },
      },
    },
  },
};

/** The article's work: the sum of i * 2 for i below 1,000. */
function work() {
  let result = 0;
  for (let i = 0; i < 1000; i += 1) result += i * 2;
  return result;
}

async function serve() {
  let requests = 0;
  const app = fastify();
  app.get('/plaintext', async (request, reply) => {
    reply.type('text/plain');
    return 'Hello, World!';
  });
  app.get('/json', message, async () => ({ message: 'Hello, World!' }));
  app.get('/benchmark', findings, async () => {
    const start = performance.now();
    const result = work();
    // Node's timers count milliseconds and know none below 1: ten times the article's wait.
    await sleep(1);
    requests += 1;
    return {
      result,
      processing_time_us: Math.round((performance.now() - start) * 1000),
      request_id: requests,
      timestamp: new Date().toISOString(),
    };
  });
  await app.listen({ port, host: '127.0.0.1' });
}

if (workers > 1 && cluster.isPrimary) {
  // Node deals connections out itself by default; so the kernel does, as it does for the others.
  cluster.schedulingPolicy = cluster.SCHED_NONE;
  for (let worker = 0; worker < workers; worker += 1) cluster.fork();
} else {
  serve();
}
