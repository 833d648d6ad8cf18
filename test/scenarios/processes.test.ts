/** `strata serve` with several processes, under load over real sockets: nothing that happens to them fails a request. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { send, until } from "./platform-kit.ts";
import { startSteadyLoad } from "./steady-load.ts";

const ROOT = dirname(fileURLToPath(import.meta.resolve("strata/package.json")));

const definition = (factor: number, upstream: string): string => `
import { defineApplication, defineInferenceGraph, defineLanguageModel, defineServedModel, defineUpstream, functionModel, step, target, tensor } from "strata";
const version = (factor: number) => functionModel({
  inputs: { x: tensor("FP64", [-1, 1]) }, outputs: { y: tensor("FP64", [-1, 1]) },
  infer: ({ x }) => ({ y: { shape: x.shape, data: Float64Array.from(x.data, (value) => value * factor) } }),
});
const scale = defineServedModel("scale", { versions: { "1": version(${factor}), "2": version(20) }, policy: { kind: "all" } });
export default defineApplication("scale", [
  scale,
  defineInferenceGraph("chain", { inputs: { x: tensor("FP64", [-1, 1]) }, outputs: { y: tensor("FP64", [-1, 1]) }, root: step(scale) }),
  defineServedModel("sleeper", { source: version(7), load: "demand" }),
  defineLanguageModel("echo", { targets: [target(defineUpstream("mock", { url: "${upstream}/v1" }), { model: "echo" })] }),
]);
`;

interface Served extends AsyncDisposable {
  readonly url: string;
  readonly folder: string;
  readonly errors: () => string;
  signal(name: NodeJS.Signals): void;
  readonly ended: Promise<number | null>;
}

/** A language model's server that answers with the process's share of the work: nothing. */
async function openUpstream(): Promise<{ readonly url: string } & AsyncDisposable> {
  const answer = JSON.stringify({ id: "c1", object: "chat.completion", created: 1, model: "echo", choices: [{ index: 0, message: { role: "assistant", content: "hello" }, finish_reason: "stop" }], usage: { prompt_tokens: 3, completion_tokens: 1, total_tokens: 4 } });
  const server = createServer((request, response) => { request.resume().once("end", () => response.writeHead(200, { "content-type": "application/json" }).end(answer)); });
  await new Promise<void>((resolve) => { server.listen(0, "127.0.0.1", resolve); });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, // a TCP server has a TCP address
    [Symbol.asyncDispose]: async () => { server.closeAllConnections(); await new Promise((resolve) => server.close(resolve)); },
  };
}

async function serve(processes: number, upstream = "http://127.0.0.1:9"): Promise<Served> {
  const folder = await mkdtemp(join(tmpdir(), "strata-processes-"));
  await mkdir(join(folder, "node_modules"));
  await symlink(ROOT, join(folder, "node_modules", "strata"), "dir");
  await writeFile(join(folder, "app.ts"), definition(10, upstream));
  const child = spawn(process.execPath, ["--conditions=source", join(ROOT, "src/cli/main.ts"), "serve", "app.ts", "--processes", String(processes), "--port", "0", "--data-dir", "data", "--json"], { cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
  let errors = "";
  child.stderr.on("data", (chunk: Buffer) => { errors += chunk.toString(); });
  const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
  const line = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).once("line", resolve);
    void ended.then((code) => reject(new Error(`it ended with ${code}: ${errors}`)));
  });
  return {
    url: (JSON.parse(line) as { readonly url: string }).url, folder, errors: () => errors, ended, signal: (name) => child.kill(name),
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGTERM");
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

interface Process { readonly pid: number; readonly state: string; readonly crashes: number }
const processesOf = async (url: string): Promise<readonly Process[]> => ((await send(url, { path: "/v1/processes" })).json as { readonly processes: readonly Process[] }).processes;
const ask = async (url: string, model = "scale"): Promise<number> => {
  const answer = await send(url, { path: `/v2/models/${model}/infer`, body: { inputs: [{ name: "x", datatype: "FP64", shape: [1, 1], data: [1] }] } });
  assert.equal(answer.status, 200, answer.text);
  return (answer.json as { readonly outputs: readonly [{ readonly data: readonly [number] }] }).outputs[0].data[0];
};
const post = async (url: string, path: string, body: object): Promise<void> => {
  const answer = await send(url, { path: `/v1/served-models/scale/${path}`, body });
  assert.equal(answer.status, 200, answer.text);
};

test("processes share a port, move together, count together, and are replaced without a failed request", async () => {
  await using served = await serve(2);
  const { url } = served;
  assert.equal((await processesOf(url)).length, 2);
  await post(url, "traffic", { switch: { version: "1" }, reason: "start at version 1" });
  for (let request = 0; request < 8; request++) assert.deepEqual([await ask(url), await ask(url, "chain")], [10, 10]); // in turn at both; the graph follows its member

  const load = startSteadyLoad({ url, model: "scale", connections: 8, pauseMs: 2 });
  await post(url, "traffic", { canary: { version: "2", steps: [0.2, 1], stepSeconds: 0.5, minimumRequests: 50 }, reason: "try version 2" });
  await until("the promotion", async () => {
    const view = (await send(url, { path: "/v1/served-models/scale/traffic" })).json as { readonly state: { readonly stable: string; readonly canary: unknown } };
    return view.state.stable === "2" && view.state.canary === null ? true : undefined;
  });
  for (let request = 0; request < 8; request++) assert.equal(await ask(url), 20);
  assert.deepEqual((await send(url, { path: "/v1/models/scale:predict", body: { instances: [[1]] } })).json, { predictions: [[20]] });
  await post(url, "rollback", { reason: "practice" });
  for (let request = 0; request < 8; request++) assert.equal(await ask(url), 10);

  const before = (await processesOf(url)).map(({ pid }) => pid);
  await writeFile(join(served.folder, "app.ts"), definition(11, "http://127.0.0.1:9"));
  served.signal("SIGHUP");
  await until("new processes", async () => {
    const now = await processesOf(url);
    return now.length === 2 && now.every(({ pid, state }) => !before.includes(pid) && state === "ready") ? true : undefined;
  }, 30_000);
  for (let request = 0; request < 8; request++) assert.equal(await ask(url), 11);
  await load.stop();
  assert.deepEqual(load.failures, []);
  assert.ok(load.answered > 1_000, `${load.answered}`);

  const metrics = (await send(url, { path: "/metrics" })).text;
  const answered = Array.from(metrics.matchAll(/^strata_traffic_requests_total\{.*result="answered".*\} (\d+)$/gm), ([, count]) => Number(count)).reduce((a, b) => a + b, 0);
  assert.ok(answered >= 8, metrics.slice(0, 2_000));
  assert.equal(metrics.match(/^# TYPE strata_traffic_requests_total/gm)?.length, 1);
});

test("a process that dies is replaced, a definition that does not load changes nothing, what sleeps wakes for everybody, and SIGTERM answers what is in flight", async () => {
  await using upstream = await openUpstream();
  await using served = await serve(2, upstream.url);
  const { url } = served;
  for (let request = 0; request < 4; request++) {
    const chat = await send(url, { path: "/v1/chat/completions", body: { model: "echo", messages: [{ role: "user", content: "hello" }] } });
    assert.equal(chat.status, 200, chat.text);
    assert.match(chat.text, /"content":"hello"/);
    const message = await send(url, { path: "/v1/messages", body: { model: "echo", max_tokens: 9, messages: [{ role: "user", content: "hello" }] } });
    assert.match(message.text, /"text":"hello"/);
  }
  const [first] = await processesOf(url);
  process.kill(first!.pid, "SIGKILL");
  await until("a new process", async () => {
    const now = await processesOf(url).catch(() => []);
    return now.length === 2 && now.every(({ pid, state }) => pid !== first!.pid && state === "ready") && now.some(({ crashes }) => crashes === 1) ? true : undefined;
  });

  const before = (await processesOf(url)).map(({ pid }) => pid);
  await writeFile(join(served.folder, "app.ts"), "export default 7;\n");
  served.signal("SIGHUP");
  await until("the refusal", () => (served.errors().includes("those that run stay") ? true : undefined));
  assert.deepEqual((await processesOf(url)).map(({ pid }) => pid), before);
  assert.equal(await ask(url), 20); // without traffic moved, the newest version

  assert.deepEqual(new Set(await Promise.all(Array.from({ length: 50 }, () => ask(url, "sleeper")))), new Set([7]));
  const load = startSteadyLoad({ url, model: "scale", connections: 8, pauseMs: 1 });
  await until("some answers", () => (load.answered > 100 ? true : undefined));
  served.signal("SIGTERM");
  assert.equal(await served.ended, 0);
  await load.stop();
  // Nobody listens any more, so new connections fail; requests on connections that were there do not.
  assert.deepEqual(load.failures.filter((failure) => !/^Error: (?:connect ECONN(?:REFUSED|RESET)|read ECONNRESET|socket hang up)[^(]*$/.test(failure)), []);
});
