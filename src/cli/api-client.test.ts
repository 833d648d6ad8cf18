import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { isStrataError, StrataError, type ErrorCode } from "../kernel/errors.ts";
import { createApiClient, type ApiClientOptions } from "./api-client.ts";

type Handler = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>;

/** A real server on a free port, its client, and how many connections were opened. */
async function serve(handler: Handler, options: ApiClientOptions = {}) {
  let connections = 0;
  const server = createServer((request, response) => void handler(request, response));
  server.on("connection", () => { connections++; });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const client = createApiClient({ url, ...options });
  return {
    url, client, server,
    connections: () => connections,
    [Symbol.asyncDispose]: async () => {
      await client.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const list: Item[] = [];
  for await (const item of items) list.push(item);
  return list;
}

async function textOf(request: IncomingMessage): Promise<string> {
  return Buffer.concat(await collect(request as AsyncIterable<Uint8Array>)).toString();
}

function sendJson(response: ServerResponse, value: unknown, status = 200): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
}

async function failure(promise: Promise<unknown>, code: ErrorCode): Promise<StrataError> {
  const error: unknown = await promise.then(() => undefined, (thrown: unknown) => thrown);
  assert.ok(isStrataError(error), `raised ${String(error)}`);
  assert.equal(error.code, code);
  return error;
}

test("requests carry method, path, query, token and JSON; connections are kept", async () => {
  await using remote = await serve(async (request, response) => {
    sendJson(response, { method: request.method, url: request.url, type: request.headers["content-type"], token: request.headers.authorization, body: await textOf(request) });
  }, { token: "secret" });
  assert.deepEqual(await remote.client.get("/v1/x", { query: { a: "1 2", b: 3, c: undefined } }), {
    method: "GET", url: "/v1/x?a=1+2&b=3", token: "Bearer secret", body: "",
  });
  assert.deepEqual(await remote.client.post("/v1/x", { é: 1 }), {
    method: "POST", url: "/v1/x", type: "application/json", token: "Bearer secret", body: "{\"é\":1}",
  });
  assert.equal((await remote.client.delete<{ method: string }>("/v1/x")).method, "DELETE");
  assert.equal(remote.connections(), 1);
});

test("an address may lack its scheme and may have a path", async () => {
  await using remote = await serve((request, response) => sendJson(response, request.url));
  await using client = createApiClient({ url: `${remote.url.replace("http://", "")}/prefix/` });
  assert.equal(await client.get("/v1"), "/prefix/v1");
  assert.equal(client.url, `${remote.url}/prefix`);
  assert.throws(() => createApiClient({ url: "ftp://x" }), (error) => isStrataError(error) && error.code === "USAGE");
  assert.throws(() => createApiClient({ url: "http://" }), (error) => isStrataError(error) && error.code === "USAGE");
});

test("an answer without a body is undefined", async () => {
  await using remote = await serve((_, response) => void response.writeHead(204).end());
  assert.equal(await remote.client.post("/v1/stop"), undefined);
});

test("the server's error comes back as it was raised", async () => {
  const raised = new StrataError("EVENT_INVALID", { count: 1, stream: "clicks" }, { problems: [{ path: "0.price", message: "expected a number", code: "type" }] });
  await using remote = await serve((_, response) => void response.writeHead(400, { "retry-after": "7" }).end(JSON.stringify({ error: raised })));
  const error = await failure(remote.client.post("/v1/streams/clicks/events", []), "EVENT_INVALID");
  assert.deepEqual(JSON.parse(JSON.stringify(error)), JSON.parse(JSON.stringify(raised)));
  assert.equal(error.retryAfterSeconds, 7);
  assert.match(error.stack ?? "", /^StrataError: 1 event\(s\) of stream "clicks" were refused/);
});

test("errors of another version, and answers of other programs, are told apart", async () => {
  await using remote = await serve((request, response) => {
    if (request.url === "/new") sendJson(response, { error: { code: "FROM_THE_FUTURE", message: "Too new." } }, 422);
    else if (request.url === "/constructor") sendJson(response, { error: { code: "constructor", message: "x" } }, 500);
    else if (request.url === "/proxy") response.writeHead(502).end("<html>Bad Gateway</html>");
    else response.end("<html>hello</html>");
  });
  assert.match((await failure(remote.client.get("/new"), "INTERNAL")).message, /FROM_THE_FUTURE \(HTTP 422\): Too new\./);
  await failure(remote.client.get("/constructor"), "INTERNAL");
  assert.match((await failure(remote.client.get("/proxy"), "SERVER_UNREACHABLE")).message, /not Strata \(HTTP 502\)/);
  assert.match((await failure(remote.client.get("/html"), "SERVER_UNREACHABLE")).message, /does not speak JSON/);
});

test("no server is SERVER_UNREACHABLE with what to do", async () => {
  const { url } = await (async () => { await using gone = await serve(() => undefined); return gone; })();
  await using client = createApiClient({ url });
  const error = await failure(client.get("/v1"), "SERVER_UNREACHABLE");
  assert.equal(error.message, `No Strata server answers at ${url}: the connection was refused`);
  assert.match(error.hint, /strata up/);
});

test("a late answer is DEADLINE_EXCEEDED, also when it stops half way", async () => {
  await using remote = await serve((request, response) => {
    if (request.url === "/half") response.write("{");
  }, { timeoutMs: 60 });
  const error = await failure(remote.client.get("/never"), "DEADLINE_EXCEEDED");
  assert.equal(error.message, "GET /never did not finish within 60 ms.");
  await failure(remote.client.get("/half"), "DEADLINE_EXCEEDED");
});

test("a cancelled call is ABORTED", async () => {
  const stop = new AbortController();
  await using remote = await serve(() => stop.abort());
  await failure(remote.client.get("/v1", { signal: stop.signal }), "ABORTED");
  await failure(remote.client.get("/v1", { signal: AbortSignal.abort() }), "ABORTED");
});

test("a kept connection that died is replaced once for GET, never for POST", async () => {
  let seen = 0;
  await using remote = await serve((request, response) => {
    seen++;
    if (seen % 2 === 0) request.socket.destroy();
    else sendJson(response, seen);
  });
  assert.equal(await remote.client.get("/a"), 1);
  assert.equal(await remote.client.get("/b"), 3, "the second request died on the kept connection and was sent again");
  await failure(remote.client.post("/c", {}), "SERVER_UNREACHABLE");
});

test("NDJSON goes up as fast as the server takes it", async () => {
  await using remote = await serve(async (request, response) => {
    const lines = (await textOf(request)).trimEnd().split("\n");
    sendJson(response, { type: request.headers["content-type"], count: lines.length, last: JSON.parse(lines.at(-1)!) });
  });
  async function* events() {
    for (let index = 0; index < 20_000; index++) yield { index, text: "x".repeat(20) };
  }
  assert.deepEqual(await remote.client.postLines("/v1/events", events()), { type: "application/x-ndjson", count: 20_000, last: { index: 19_999, text: "x".repeat(20) } });
});

test("a refused upload stops its source and reports the refusal", async () => {
  await using remote = await serve((_, response) => sendJson(response, { error: new StrataError("STREAM_NOT_FOUND", { stream: "x", known: "none" }) }, 404));
  const stopped = Promise.withResolvers<void>();
  async function* endless() {
    try {
      for (;;) yield "x".repeat(10_000);
    } finally {
      stopped.resolve();
    }
  }
  const error = await failure(remote.client.postLines("/v1/streams/x/events", endless()), "STREAM_NOT_FOUND");
  assert.equal(error.message, "There is no stream named \"x\".");
  await stopped.promise;
});

test("a source that fails breaks the upload off with its own error", async () => {
  await using remote = await serve(() => undefined);
  async function* broken() {
    yield 1;
    throw new StrataError("FILE_NOT_FOUND", { path: "events.ndjson" });
  }
  await failure(remote.client.postLines("/v1", broken()), "FILE_NOT_FOUND");
});

test("NDJSON comes down value by value", async () => {
  await using remote = await serve((_, response) => {
    response.write("{\"a\":1}\n\n{\"a\"");
    response.end(":2}");
  });
  assert.deepEqual(await collect(remote.client.lines("/v1/logs")), [{ a: 1 }, { a: 2 }]);
});

test("a stream of events outlives the timeout and ends with its signal", async () => {
  await using remote = await serve((_, response) => {
    response.write("event: alert\ndata: 1\n\n");
    setTimeout(() => response.write("data: 2\n\n"), 90);
  }, { timeoutMs: 40 });
  const stop = new AbortController();
  const seen: string[] = [];
  for await (const { event, data } of remote.client.stream("/v1/watch", { signal: stop.signal })) {
    seen.push(`${event} ${data}`);
    if (seen.length === 2) stop.abort();
  }
  assert.deepEqual(seen, ["alert 1", "message 2"]);
});

test("a POST can be answered by a stream of events", async () => {
  await using remote = await serve(async (request, response) => {
    response.end(`event: result\ndata: ${request.method} ${request.headers["content-type"]} ${await textOf(request)}\n\n`);
  });
  assert.deepEqual(await collect(remote.client.stream("/v1/train", { body: { reason: "new data" } })), [
    { event: "result", data: "POST application/json {\"reason\":\"new data\"}", id: undefined },
  ]);
});

test("bytes go up as they are", async () => {
  await using remote = await serve(async (request, response) => {
    sendJson(response, { type: request.headers["content-type"], key: request.headers["idempotency-key"], url: request.url, body: await textOf(request) });
  });
  const bytes = Buffer.from("{\"a\":1.0}\nnot JSON\n");
  assert.deepEqual(await remote.client.upload("/v1/events", { type: "application/x-ndjson", bytes }, { query: { backfill: true }, headers: { "idempotency-key": "k" } }), {
    type: "application/x-ndjson", key: "k", url: "/v1/events?backfill=true", body: bytes.toString(),
  });
});

test("what a refusal says beside its error is kept", async () => {
  const error = new StrataError("EVENT_INVALID", { count: 1, stream: "clicks" });
  await using remote = await serve((_, response) => sendJson(response, { error, rejected: 1, rows: [{ index: 0 }] }, 400));
  assert.deepEqual((await failure(remote.client.post("/v1/streams/clicks/events", {}), "EVENT_INVALID")).details, { rejected: 1, rows: [{ index: 0 }] });
});

test("leaving the loop closes the connection; a server that dies ends it with an error", async () => {
  let closed: Promise<void> | undefined;
  await using remote = await serve((request, response) => {
    closed = new Promise((resolve) => { request.socket.once("close", () => resolve()); });
    response.write("data: 1\n\n");
    if (request.url === "/dies") setImmediate(() => request.socket.destroy());
  });
  for await (const event of remote.client.stream("/v1/watch")) {
    assert.equal(event.data, "1");
    break;
  }
  await closed;
  await failure(collect(remote.client.stream("/dies")), "SERVER_UNREACHABLE");
});

test("a refused stream raises the server's error", async () => {
  await using remote = await serve((_, response) => sendJson(response, { error: new StrataError("ROUTE_NOT_FOUND", { method: "GET", path: "/x" }) }, 404));
  await failure(collect(remote.client.stream("/x")), "ROUTE_NOT_FOUND");
});

test("closing the client closes its kept connections", async () => {
  await using remote = await serve((_, response) => sendJson(response, 1));
  const closed = new Promise<void>((resolve) => { remote.server.once("connection", (socket) => socket.once("close", () => resolve())); });
  await remote.client.get("/");
  await remote.client.close();
  await closed;
});
