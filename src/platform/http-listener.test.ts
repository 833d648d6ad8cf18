import assert from "node:assert/strict";
import { Agent, request as httpRequest } from "node:http";
import type { IncomingMessage } from "node:http";
import { connect } from "node:net";
import { test } from "node:test";
import { isStrataError } from "../kernel/errors.ts";
import type { HttpRequest, HttpResponse } from "../protocols/http.ts";
import { openHttpListener } from "./http-listener.ts";

type Handle = (request: HttpRequest) => Promise<HttpResponse>;

async function listen(handle: Handle, { listeners = 1, port = 0, maxBodyBytes = 1_000 } = {}) {
  const listener = await openHttpListener({ host: "127.0.0.1", port, listeners, maxBodyBytes, handle });
  return { url: `http://127.0.0.1:${listener.port}`, port: listener.port, close: (deadlineMs = 2_000, options = {}) => listener.close(deadlineMs, options), [Symbol.asyncDispose]: () => listener.close(2_000) };
}

interface Asked {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly text: string;
}

function ask(url: string, { method = "GET", body, agent }: { readonly method?: string; readonly body?: string | Buffer; readonly agent?: Agent } = {}): Promise<Asked> {
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest(url, { method, ...(agent ? { agent } : {}) }, (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on("data", (chunk: Buffer) => chunks.push(chunk)).on("error", reject)
        .on("end", () => resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, text: Buffer.concat(chunks).toString() }));
    });
    outgoing.on("error", reject).end(body);
  });
}

const echo: Handle = ({ method, path, query, body }) => Promise.resolve({ status: 200, body: `${method} ${path} ${query.toString()} ${body.toString()}` });

test("a request arrives as plain values, its path as it was sent", async () => {
  await using server = await listen(echo);
  assert.equal((await ask(`${server.url}/a%2Fb/%zz?x=1&x=2`, { method: "POST", body: "hello" })).text, "POST /a%2Fb/%zz x=1&x=2 hello");
  assert.equal((await ask(`${server.url}/`)).text, "GET /  ");
});

test("a body up to the limit is taken, a longer one is refused and the connection goes on", async () => {
  await using server = await listen(echo);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  assert.equal((await ask(server.url, { method: "POST", body: Buffer.alloc(1_000, 97), agent })).status, 200);
  const refused = await ask(server.url, { method: "POST", body: Buffer.alloc(300_000, 97), agent });
  assert.deepEqual([refused.status, (JSON.parse(refused.text) as { readonly error: { readonly code: string } }).error.code], [413, "BODY_TOO_LARGE"]);
  assert.equal((await ask(server.url, { method: "POST", body: "again", agent })).status, 200);
  agent.destroy();
});

test("a handler that throws answers with the error; a stream that breaks ends the connection", async () => {
  await using server = await listen(({ path }) => {
    if (path === "/throw") throw new Error("surprise");
    return Promise.resolve({ status: 200, body: brokenStream() });
  });
  const thrown = await ask(`${server.url}/throw`);
  assert.deepEqual([thrown.status, thrown.text.includes("surprise")], [500, true]);
  await assert.rejects(ask(`${server.url}/stream`), /aborted|hang up|ECONNRESET/);
  assert.equal((await ask(`${server.url}/throw`)).status, 500);
});

// eslint-disable-next-line require-await -- a stream of one piece
async function* brokenStream(): AsyncGenerator<string> {
  yield "first";
  throw new Error("no second");
}

test("a client that goes away is told to the handler", async () => {
  const gone = Promise.withResolvers<string>();
  const arrived = Promise.withResolvers<void>();
  await using server = await listen(({ signal }) => {
    signal.addEventListener("abort", () => gone.resolve("gone"), { once: true });
    arrived.resolve();
    return gone.promise.then(() => ({ status: 200 }));
  });
  const socket = connect(server.port, "127.0.0.1", () => socket.write("GET / HTTP/1.1\r\nhost: x\r\n\r\n"));
  socket.on("error", () => undefined);
  await arrived.promise;
  socket.resetAndDestroy();
  assert.equal(await gone.promise, "gone");
});

test("closing lets requests in flight finish, takes no new ones, and tells clients not to come back", async () => {
  const release = Promise.withResolvers<void>();
  const arrived = Promise.withResolvers<void>();
  const server = await listen(async () => {
    arrived.resolve();
    await release.promise;
    return { status: 200, body: "late".repeat(2_000_000) };
  });
  const agent = new Agent({ keepAlive: true });
  const asked = ask(server.url, { agent });
  await arrived.promise;
  const closed = server.close();
  await assert.rejects(ask(server.url), /ECONNREFUSED|ECONNRESET/);
  release.resolve();
  const { status, headers, text } = await asked;
  assert.deepEqual([status, headers.connection, text.length], [200, "close", 8_000_000]);
  await closed;
  agent.destroy();
});

test("closing cuts what is not finished by the deadline", async () => {
  const arrived = Promise.withResolvers<void>();
  const server = await listen(() => {
    arrived.resolve();
    return new Promise(() => undefined);
  });
  const asked = assert.rejects(ask(server.url), /hang up|ECONNRESET/);
  await arrived.promise;
  const startedAt = performance.now();
  await server.close(50);
  await asked;
  assert.ok(performance.now() - startedAt < 3_000, "closing waits no longer than it was told");
});

test("a kept connection may send once more while the listener lingers, and is told to connect anew", async () => {
  const server = await listen(echo);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const over = (): Promise<{ readonly status: number | undefined; readonly connection: string | undefined; readonly reused: boolean }> => new Promise((resolve, reject) => {
    const outgoing = httpRequest(server.url, { agent }, (incoming) => {
      incoming.resume().once("end", () => resolve({ status: incoming.statusCode, connection: incoming.headers.connection, reused: outgoing.reusedSocket }));
    });
    outgoing.on("error", reject).end();
  });
  await over();
  const startedAt = performance.now();
  const closed = server.close(5_000, { lingerMs: 2_000 });
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.deepEqual(await over(), { status: 200, connection: "close", reused: true });
  await closed;
  assert.ok(performance.now() - startedAt < 1_500, "nobody is waited for who has gone");
  agent.destroy();
});

test("a stream ends when the listener closes", async () => {
  const arrived = Promise.withResolvers<void>();
  const server = await listen(({ signal }) => {
    arrived.resolve();
    return Promise.resolve({ status: 200, body: untilAborted(signal) });
  });
  const streaming = ask(server.url);
  await arrived.promise;
  const startedAt = performance.now();
  await server.close(5_000);
  assert.equal((await streaming).text, "tick");
  assert.ok(performance.now() - startedAt < 4_000, "the stream ended before the deadline");
});

async function* untilAborted(signal: AbortSignal): AsyncGenerator<string> {
  yield "tick";
  await new Promise((resolve) => { signal.addEventListener("abort", resolve, { once: true }); if (signal.aborted) resolve(undefined); });
}

test("a port that is taken is refused, also where sockets are shared", async () => {
  await using first = await listen(echo, { listeners: 4 });
  for (const listeners of [1, 4]) {
    await assert.rejects(listen(echo, { listeners, port: first.port }), (thrown) => isStrataError(thrown) && thrown.code === "PORT_IN_USE");
  }
  const answers = await Promise.all(Array.from({ length: 50 }, () => ask(first.url)));
  assert.ok(answers.every(({ status }) => status === 200));
});
