/** Each kind of load test against a server that checks what it gets; reports, searches, mistakes, Ctrl-C. */
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import type { RequestListener } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { systemClock } from "../../../kernel/clock.ts";
import { openTestServer } from "../../../operate/load/test-support/known-server.ts";
import { runCommandLine } from "../../command-line.ts";
import { createRecordedHost } from "../../recorded-host.ts";
import type { RecordedHost } from "../../recorded-host.ts";
import type { LoadReport } from "./load-report.ts";
import type { SearchReport } from "./search-report.ts";

let folder = "";
before(async () => { folder = await mkdtemp(join(tmpdir(), "loadtest-")); });
after(() => rm(folder, { recursive: true }));

interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

/** Answers what `answer` says and remembers the requests. */
function remembering(seen: Seen[], answer: (request: Seen) => { readonly status?: number; readonly type?: string; readonly body: string }): RequestListener {
  return (request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk)).on("end", () => {
      const whole: Seen = { method: request.method ?? "", url: request.url ?? "", headers: request.headers, body: Buffer.concat(chunks) };
      seen.push(whole);
      const { status = 200, type = "application/json", body } = answer(whole);
      response.writeHead(status, { "content-type": type }).end(body);
    });
  };
}

const hostFor = (environment: Readonly<Record<string, string>> = {}): RecordedHost => createRecordedHost({ clock: systemClock, workingDirectory: folder, environment });

async function load(words: readonly string[], host = hostFor()): Promise<{ readonly code: number; readonly host: RecordedHost; readonly report: LoadReport }> {
  const code = await runCommandLine(["loadtest", ...words, "--json"], host);
  return { code, host, report: host.json() as LoadReport };
}

test("http: bodies in turn with their headers, ids never sent twice, a report with the server's cost", async () => {
  const seen: Seen[] = [];
  await using server = await openTestServer(remembering(seen, ({ body }) => ({ body: body.toString().includes("marked") ? "{\"it\":\"is\"}" : "{}" })));
  await writeFile(join(folder, "body.json"), "{\"marked\":\"{{id}}\",\"at\":\"{{now}}\"}");
  const { code, report } = await load(["http", `127.0.0.1:${server.port}/score?x=1`, "--body", "@body.json", "-d", "{\"b\":2}", "--header", "X-Team: search", "--requests", "60", "--connections", "3", "--warmup", "6", "--expect", "\"it\""]);
  assert.equal(code, 0);
  assert.deepEqual([report.outcome.answered, report.outcome.failed, report.outcome.unfinished, seen.length], [60, {}, 0, 66]);
  assert.ok(Math.abs(report.outcome.marked - 30) <= 3, "each connection takes the bodies in turn");
  assert.ok(seen.every(({ method, url, headers }) => method === "POST" && url === "/score?x=1" && headers["x-team"] === "search" && headers["content-type"] === "application/json"));
  const ids = seen.filter(({ body }) => body.includes("marked")).map(({ body }) => (JSON.parse(body.toString()) as { marked: string }).marked);
  assert.equal(new Set(ids).size, ids.length);
  if (process.platform === "linux") assert.deepEqual(report.server?.pids.includes(process.pid), true);
});

test("oip: tensors of the model's own shapes, as JSON and as bytes", async () => {
  const metadata = JSON.stringify({ name: "ranker", versions: ["1"], platform: "x", inputs: [{ name: "features", datatype: "FP32", shape: [-1, 4] }, { name: "user", datatype: "BYTES", shape: [-1] }], outputs: [] });
  const seen: Seen[] = [];
  await using server = await openTestServer(remembering(seen, ({ method }) => ({ body: method === "GET" ? metadata : "{}" })));
  const common = ["oip", `http://127.0.0.1:${server.port}/v2`, "--model", "ranker", "--rows", "3", "--requests", "20", "--warmup", "1", "--connections", "2"];
  assert.equal((await load(common)).report.outcome.answered, 20);
  const { inputs } = JSON.parse(seen.at(-1)!.body.toString()) as { inputs: { name: string; shape: number[]; data: unknown[] }[] };
  assert.deepEqual([seen[0]?.url, seen.at(-1)?.url, ...inputs.map(({ name, shape, data }) => `${name} ${shape.join("×")} ${data.length}`)], ["/v2/models/ranker", "/v2/models/ranker/infer", "features 3×4 12", "user 3 3"]);
  assert.equal((await load([...common, "--binary", "--model-version", "1"])).report.outcome.answered, 20);
  const { url, headers, body } = seen.at(-1)!;
  const head = JSON.parse(body.toString("utf8", 0, Number(headers["inference-header-content-length"]))) as { inputs: { parameters: { binary_data_size: number } }[] };
  assert.equal(url, "/v2/models/ranker/versions/1/infer");
  assert.equal(body.length, Number(headers["inference-header-content-length"]) + head.inputs.reduce((sum, { parameters }) => sum + parameters.binary_data_size, 0));
  const wrong = await load([...common, "--shape", "nothing=2"]);
  assert.deepEqual([wrong.code, /has no input "nothing"/.test(wrong.host.errors())], [2, true]);
});

test("chat: streams with the key, tokens and the time to the first; a cut stream fails", async () => {
  const seen: Seen[] = [];
  const stream = ["a", "b", "c"].map((content) => `data: ${JSON.stringify({ choices: [{ delta: { content } }] })}\n\n`).join("");
  let number = 0;
  await using server = await openTestServer(remembering(seen, () => ({ type: "text/event-stream", body: `${stream}${number++ % 5 === 4 ? "" : "data: [DONE]\n\n"}` })));
  const { code, report } = await load(["chat", `http://127.0.0.1:${server.port}/v1`, "--model", "m", "--connections", "2", "--requests", "20", "--warmup", "0", "--prompt-tokens", "30"], hostFor({ STRATA_TOKEN: "k1" }));
  assert.deepEqual([code, report.outcome.answered, report.outcome.failed, report.outcome.streams?.tokens, report.outcome.streams?.firstToken.count], [0, 16, { "stream was cut": 4 }, 60, 20]);
  assert.ok(seen.every(({ url, headers }) => url === "/v1/chat/completions" && headers["authorization"] === "Bearer k1"));
  assert.equal(new Set(seen.map(({ body }) => body.toString())).size, seen.length, "every prompt is new");
});

test("endpoint: requests from a file, fallbacks counted", async () => {
  const seen: Seen[] = [];
  await using server = await openTestServer(remembering(seen, ({ body }) => ({ body: body.includes("R2") ? "{\"variant\":\"fallback\"}" : "{\"variant\":\"champion\"}" })));
  await writeFile(join(folder, "requests.ndjson"), "{\"courier\":\"R1\"}\n{\"courier\":\"R2\"}\n\n");
  const { report } = await load(["endpoint", "eta", "--url", `http://127.0.0.1:${server.port}`, "--body-lines", "requests.ndjson", "--rate", "200", "--duration", "300ms", "--warmup", "0"]);
  assert.ok(report.outcome.answered > 20 && report.outcome.marked > 5 && report.outcome.marked < report.outcome.answered);
  assert.equal(report.markName, "from the fallback");
  assert.equal(seen[0]?.url, "/v1/endpoints/eta");
});

test("--search finds the rate that breaks, writes its picture and counts replicas; people see the curve", { timeout: 60_000 }, async () => {
  let freeAtMs = 0;
  await using server = await openTestServer((_, response) => {
    const nowMs = performance.now();
    freeAtMs = Math.max(nowMs, freeAtMs) + 10;
    setTimeout(() => response.end("{}"), freeAtMs - nowMs);
  });
  const host = hostFor();
  const words = ["http", `http://127.0.0.1:${server.port}/`, "--search", "--p99", "80ms", "--step", "400ms", "--from", "30", "--precision", "0.3", "--spacing", "even", "--warmup", "1", "--wanted", "500", "--svg", "curve.svg"];
  assert.equal(await runCommandLine(["loadtest", ...words, "--json"], host), 0, host.errors());
  const report = host.json() as SearchReport;
  assert.ok((report.heldPerSecond ?? 0) > 60 && (report.heldPerSecond ?? 0) < 130, `${report.heldPerSecond}`);
  assert.equal(report.capacity.advice?.replicas, Math.ceil(500 / ((report.heldPerSecond ?? 0) * 0.7)));
  assert.match(await readFile(join(folder, "curve.svg"), "utf8"), /^<svg[\s\S]+<\/svg>\n$/);
});

test("for people: throughput, kinds of failure, latencies and the generator's own share", async () => {
  let number = 0;
  await using server = await openTestServer((_, response) => {
    response.writeHead(number++ % 4 === 3 ? 503 : 200).end("busy");
  });
  const host = hostFor();
  assert.equal(await runCommandLine(["loadtest", "http", `127.0.0.1:${server.port}/`, "--requests", "40", "--connections", "2", "--warmup", "0"], host), 0);
  for (const text of [/closed loop, 2 connections/, /answered +30 of 40 \(75%\)/, /failed +status 503 10/, /generator +[\d,]+ µs\/request/, /p99\.9/]) assert.match(host.output(), text);
  assert.match(host.errors(), /the first failure said: busy/);
});

test("what cannot be measured is said, not measured", async () => {
  await using refusing = await openTestServer((_, response) => { response.writeHead(401).end("{\"error\":\"no key\"}"); });
  const failing = async (words: readonly string[], code: number, text: RegExp): Promise<void> => {
    const host = hostFor();
    assert.deepEqual([await runCommandLine(["loadtest", ...words], host), text.test(host.errors())], [code, true], host.errors());
  };
  const url = `http://127.0.0.1:${refusing.port}/`;
  await failing(["http", url], 1, /every request of the warm-up failed \(status 401\), the first with: \{"error":"no key"\}/);
  await failing(["http", "http://127.0.0.1:1/"], 1, /ECONNREFUSED/);
  await failing(["http", "ftp://x"], 2, /not an http address/);
  await failing(["http", url, "--body", "@missing.json"], 1, /no file missing\.json/);
  await failing(["http", url, "--header", "nonsense"], 2, /"name: value"/);
  await failing(["http", url, "--search", "--rate", "5"], 2, /--from/);
  await failing(["http", url, "--svg", "x.svg"], 2, /--search/);
  await failing(["endpoint", "eta"], 2, /needs requests/);
});

test("Ctrl-C ends with what was measured so far", async () => {
  await using server = await openTestServer((_, response) => { response.end("{}"); });
  const host = hostFor();
  setTimeout(() => host.interrupt(), 1_200);
  const { code, report } = await load(["http", `http://127.0.0.1:${server.port}/`, "--rate", "200", "--duration", "1m", "--warmup", "1"], host);
  assert.deepEqual([code, report.isStopped], [0, true]);
  assert.ok(report.outcome.answered > 10 && report.outcome.elapsedMs < 5_000);
});
