/** `strata serve` with several processes, under load over real sockets: nothing that happens to them fails a request. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { send, until } from "./platform-kit.ts";
import { startSteadyLoad } from "./steady-load.ts";

const ROOT = dirname(fileURLToPath(import.meta.resolve("strata/package.json")));

const definition = (factor: number): string => `
import { defineApplication, defineServedModel, functionModel, tensor } from "strata";
const version = (factor: number) => functionModel({
  inputs: { x: tensor("FP64", [-1, 1]) }, outputs: { y: tensor("FP64", [-1, 1]) },
  infer: ({ x }) => ({ y: { shape: x.shape, data: Float64Array.from(x.data, (value) => value * factor) } }),
});
export default defineApplication("scale", [
  defineServedModel("scale", { versions: { "1": version(${factor}), "2": version(20) }, policy: { kind: "all" } }),
  defineServedModel("sleeper", { source: version(7), load: "demand" }),
]);
`;

interface Served extends AsyncDisposable {
  readonly url: string;
  readonly folder: string;
  readonly errors: () => string;
  signal(name: NodeJS.Signals): void;
  readonly ended: Promise<number | null>;
}

async function serve(processes: number): Promise<Served> {
  const folder = await mkdtemp(join(tmpdir(), "strata-processes-"));
  await mkdir(join(folder, "node_modules"));
  await symlink(ROOT, join(folder, "node_modules", "strata"), "dir");
  await writeFile(join(folder, "app.ts"), definition(10));
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
  for (let request = 0; request < 8; request++) assert.equal(await ask(url), 10); // in turn at both

  const load = startSteadyLoad({ url, model: "scale", connections: 8, pauseMs: 2 });
  await post(url, "traffic", { canary: { version: "2", steps: [0.2, 1], stepSeconds: 0.5, minimumRequests: 50 }, reason: "try version 2" });
  await until("the promotion", async () => {
    const view = (await send(url, { path: "/v1/served-models/scale/traffic" })).json as { readonly state: { readonly stable: string; readonly canary: unknown } };
    return view.state.stable === "2" && view.state.canary === null ? true : undefined;
  });
  for (let request = 0; request < 8; request++) assert.equal(await ask(url), 20);
  await post(url, "rollback", { reason: "practice" });
  for (let request = 0; request < 8; request++) assert.equal(await ask(url), 10);

  const before = (await processesOf(url)).map(({ pid }) => pid);
  await writeFile(join(served.folder, "app.ts"), definition(11));
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

test("a process that dies is replaced, and a definition that does not load changes nothing", async () => {
  await using served = await serve(2);
  const { url } = served;
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
});

test("a model that loads on demand holds its first requests, and SIGTERM answers what is in flight", async () => {
  await using served = await serve(1);
  const burst = await Promise.all(Array.from({ length: 50 }, () => ask(served.url, "sleeper")));
  assert.deepEqual(new Set(burst), new Set([7]));
  const load = startSteadyLoad({ url: served.url, model: "scale", connections: 8, pauseMs: 1 });
  await until("some answers", () => (load.answered > 100 ? true : undefined));
  served.signal("SIGTERM");
  assert.equal(await Promise.race([served.ended, load.stop().then(() => served.ended)]), 0);
  await load.stop();
  assert.deepEqual(load.failures.filter((failure) => !failure.includes("ECONNREFUSED")), []); // nobody listens any more
});
