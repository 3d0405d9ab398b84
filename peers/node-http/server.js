'use strict';
// Node's own http module, three routes: what Express and Fastify stand on. More than one worker:
// Node's own cluster, whose processes share the port.
const cluster = require('node:cluster');
const http = require('node:http');
const { performance } = require('node:perf_hooks');

const port = Number(process.env.PORT);
const workers = Number(process.env.WORKERS);

/** The article's work: the sum of i * 2 for i below 1,000. */
function work() {
  let result = 0;
  for (let i = 0; i < 1000; i += 1) result += i * 2;
  return result;
}

function send(response, type, body) {
  response.writeHead(200, { 'Content-Type': type, 'Content-Length': Buffer.byteLength(body) });
  response.end(body);
}

function serve() {
  let requests = 0;
  const routes = {
    '/plaintext': (response) => send(response, 'text/plain', 'Hello, World!'),
    '/json': (response) => {
      send(response, 'application/json', JSON.stringify({ message: 'Hello, World!' }));
    },
    '/benchmark': (response) => {
      const start = performance.now();
      const result = work();
      // Node's timers count milliseconds and know none below 1: ten times the article's wait.
      setTimeout(() => {
        requests += 1;
        const body = {
          result,
          processing_time_us: Math.round((performance.now() - start) * 1000),
          request_id: requests,
          timestamp: new Date().toISOString(),
        };
        send(response, 'application/json', JSON.stringify(body));
      }, 1);
    },
  };
  const server = http.createServer((request, response) => {
    const route = request.method === 'GET' ? routes[request.url] : undefined;
    if (route) {
      route(response);
    } else {
      response.writeHead(404);
      response.end();
    }
  });
  server.listen(port, '127.0.0.1');
}

if (workers > 1 && cluster.isPrimary) {
  // By default Node's first process deals connections out. So the workers accept from one socket.
  cluster.schedulingPolicy = cluster.SCHED_NONE;
  for (let worker = 0; worker < workers; worker += 1) cluster.fork();
} else {
  serve();
}
