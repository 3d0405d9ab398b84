// Node's clients: fetch (undici), node:http with its Agent, and a pipelining socket of node:net.
//
//   node contrib/clients/fetch.mjs HOST:PORT
//
// Prints a line for each check that is passed; ends with exit code 1 at the first that is not.
// contrib/clients.sh runs it.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import http from "node:http";
import net from "node:net";
import { text } from "node:stream/consumers";
import { gzipSync } from "node:zlib";

const [host, port] = process.argv[2].split(":");
const url = `http://${host}:${port}`;
const hello = "Hello, World!";
const body = randomBytes(300_000);
const tooLarge = Buffer.alloc(8 << 20);

/** The CRC-32 of bytes, which gzip writes in front of the length at its end. */
function crc32(bytes) {
  const packed = gzipSync(bytes);
  return packed.readUInt32LE(packed.length - 8).toString(16).padStart(8, "0");
}

/** What /zero-copy says is true of these bytes. */
function assertTaken(said, bytes) {
  assert.equal(said.input_size, bytes.length);
  assert.equal(said.crc32, crc32(bytes));
}

/** Connections that the server has accepted; asked by `get`, so over the connections it counts. */
async function accepted(get) {
  const stats = JSON.parse(await get("/stats"));
  return stats.reactors.reduce((sum, reactor) => sum + reactor.accepted, 0);
}

const fetchText = async (path) => (await fetch(url + path)).text();

/** A request of node:http: its status, its fields and its body. */
async function ask(path, options = {}, pieces = []) {
  const request = http.request(url + path, options);
  for (const piece of pieces) request.write(piece);
  request.end();
  const [answer] = await once(request, "response");
  return { status: answer.statusCode, fields: answer.headers, body: await text(answer) };
}

async function* inPieces(bytes, size) {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

const checks = {
  async "fetch: thirty GETs one after the other, over two connections at most"() {
    // undici takes a second one if it asks again before it has put the first one back; both stay.
    const before = await accepted(fetchText);
    for (let number = 0; number < 30; number += 1) {
      const answer = await fetch(`${url}/plaintext`);
      assert.equal(answer.status, 200);
      assert.equal(answer.headers.get("content-length"), "13");
      assert.equal(await answer.text(), hello);
    }
    const opened = (await accepted(fetchText)) - before;
    assert.ok(opened <= 1, `${opened} connections more`);
  },

  async "fetch: a hundred at once"() {
    const asked = Array.from({ length: 100 }, (_, number) =>
      fetch(`${url}/benchmark?work=${number + 1}&wait_us=20000`).then((answer) => answer.json()));
    const answers = await Promise.all(asked);
    answers.forEach((answer, number) => assert.equal(answer.result, (number + 1) * number));
    assert.equal(new Set(answers.map((answer) => answer.request_id)).size, 100);
  },

  async "fetch: HEAD, OPTIONS, 404, 405"() {
    const head = await fetch(`${url}/plaintext`, { method: "HEAD" });
    assert.deepEqual([head.headers.get("content-length"), await head.text()], ["13", ""]);
    const options = await fetch(`${url}/plaintext`, { method: "OPTIONS" });
    assert.deepEqual([options.status, options.headers.get("allow")], [204, "GET, HEAD, OPTIONS"]);
    const nothing = await fetch(`${url}/nothing`);
    assert.equal(nothing.status, 404);
    assert.match((await nothing.json()).error, /nothing at this path/);
    const wrong = await fetch(`${url}/plaintext`, { method: "POST", body: "x" });
    assert.equal(wrong.status, 405);
    assert.match((await wrong.json()).error, /POST is not served/);
  },

  async "fetch: POST of bytes, and chunked from a stream"() {
    const whole = await fetch(`${url}/zero-copy`, { method: "POST", body });
    assertTaken(await whole.json(), body);
    const stream = ReadableStream.from(inPieces(body, 7_777));
    const request = { method: "POST", body: stream, duplex: "half" };
    const chunked = await fetch(`${url}/zero-copy`, request);
    assertTaken(await chunked.json(), body);
  },

  async "fetch: 8 MiB to POST are answered with 413"() {
    for (let round = 0; round < 5; round += 1) {
      const answer = await fetch(`${url}/zero-copy`, { method: "POST", body: tooLarge });
      assert.equal(answer.status, 413);
      assert.match((await answer.json()).error, /--body-max/);
    }
  },

  async "fetch: an AbortController in the middle of a wait; the next is served"() {
    const controller = new AbortController();
    const asked = fetch(`${url}/benchmark?wait_us=9000000`, { signal: controller.signal });
    setTimeout(() => controller.abort(), 100);
    await assert.rejects(asked, { name: "AbortError" });
    assert.equal(await fetchText("/plaintext"), hello);
  },

  async "http: an Agent with keepAlive, one socket, thirty requests"() {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    const get = async (path) => (await ask(path, { agent })).body;
    const before = await accepted(get);
    for (let number = 0; number < 30; number += 1) assert.equal(await get("/plaintext"), hello);
    assert.equal(await accepted(get), before);
    agent.destroy();
  },

  async "http: an Agent with maxSockets 4, eighty requests at once"() {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 4 });
    const before = await accepted(fetchText);
    const asked = Array.from({ length: 80 }, () => ask("/benchmark?wait_us=5000", { agent }));
    for (const answer of await Promise.all(asked)) {
      assert.equal(answer.status, 200);
      assert.equal(JSON.parse(answer.body).wait_us, 5000);
    }
    assert.equal((await accepted(fetchText)) - before, 4);
    agent.destroy();
  },

  async "http: an Agent without keepAlive: Connection: close is kept"() {
    const agent = new http.Agent({ keepAlive: false });
    const before = await accepted(fetchText);
    for (let number = 0; number < 3; number += 1) {
      const answer = await ask("/plaintext", { agent });
      assert.deepEqual([answer.body, answer.fields.connection], [hello, "close"]);
    }
    assert.equal((await accepted(fetchText)) - before, 3);
  },

  async "http: POST chunked, piece by piece"() {
    const answer = await ask("/zero-copy", { method: "POST" }, [
      body.subarray(0, 1), body.subarray(1, 100_000), body.subarray(100_000),
    ]);
    assert.equal(answer.status, 200);
    assertTaken(JSON.parse(answer.body), body);
  },

  async "http: HEAD"() {
    const { status, fields, body: content } = await ask("/plaintext", { method: "HEAD" });
    assert.deepEqual([status, fields["content-length"], content], [200, "13", ""]);
  },

  async "http: Expect: 100-continue: 'continue', then the body"() {
    const headers = { expect: "100-continue", "content-length": body.length };
    const request = http.request(`${url}/zero-copy`, { method: "POST", headers });
    request.flushHeaders();
    await once(request, "continue");
    request.end(body);
    const [answer] = await once(request, "response");
    assertTaken(JSON.parse(await text(answer)), body);
  },

  async "http: Expect with too large a body: 413 and no 'continue'"() {
    const headers = { expect: "100-continue", "content-length": tooLarge.length };
    const request = http.request(`${url}/zero-copy`, { method: "POST", headers });
    request.on("continue", () => assert.fail("the body was asked for"));
    request.flushHeaders();
    const [answer] = await once(request, "response");
    assert.equal(answer.statusCode, 413);
    assert.match(JSON.parse(await text(answer)).error, /--body-max/);
    request.destroy();
  },

  async "http: abort in the middle of a body; the next is served"() {
    const controller = new AbortController();
    const headers = { "content-length": body.length };
    const options = { method: "POST", signal: controller.signal, headers };
    const request = http.request(`${url}/zero-copy`, options);
    request.write(body.subarray(0, 100_000), () => controller.abort());
    await assert.rejects(once(request, "response"), { name: "AbortError" });
    assert.equal((await ask("/plaintext")).body, hello);
  },

  async "net: sixty pipelined in one write, waits among them, answered in order"() {
    const heads = Array.from({ length: 60 }, (_, number) => {
      const paths = [`/benchmark?work=${number + 1}&wait_us=2000`, "/json", "/plaintext"];
      const last = number === 59 ? "Connection: close\r\n" : "";
      return `GET ${paths[number % 3]} HTTP/1.1\r\nHost: ${host}\r\n${last}\r\n`;
    });
    const socket = net.connect(Number(port), host);
    socket.write(heads.join(""));
    const answers = (await text(socket)).split("HTTP/1.1 200 OK\r\n").slice(1);
    assert.equal(answers.length, 60);
    answers.forEach((answer, number) => {
      const content = answer.slice(answer.indexOf("\r\n\r\n") + 4);
      if (number % 3 === 0) assert.equal(JSON.parse(content).result, number * (number + 1));
      else assert.equal(content, number % 3 === 1 ? '{"message":"Hello, World!"}' : hello);
    });
  },
};

for (const [what, check] of Object.entries(checks)) {
  try {
    await check();
  } catch (error) {
    console.error(`${what}\n${error.stack}`);
    process.exit(1);
  }
  console.log(what);
}
process.exit(0);
