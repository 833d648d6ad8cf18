/**
 * A first day with Strata, as a newcomer types it: init, up, ingest, train, predict, mend what was refused, change the
 * definition, stop, start again. Real processes, real files, real sockets.
 */
import assert from "node:assert/strict";
import { execFile, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));
const program = ["--conditions=source", join(root, "src", "cli", "main.ts")];

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

describe("a first project", { timeout: 120_000 }, () => {
  let folder = "";
  let server: ChildProcess;
  let url = "";

  /** Runs a command to its end, with `input` on stdin. */
  const strata = (words: string, input = ""): Promise<Outcome> => new Promise((resolve) => {
    const child = execFile(process.execPath, [...program, ...words.split(" ")], { cwd: folder, env: environment() }, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === "number" ? error.code : 0, stdout, stderr });
    });
    child.stdin?.end(input);
  });
  /** A command that must succeed; its result as data. */
  const result = async <Result>(words: string, input?: string): Promise<Result> => {
    const { code, stdout, stderr } = await strata(`${words} --json`, input);
    assert.equal(code, 0, `${words}\n${stdout}\n${stderr}`);
    return JSON.parse(stdout) as Result;
  };
  const environment = (): NodeJS.ProcessEnv => ({ PATH: process.env["PATH"], NO_COLOR: "1", ...(url === "" ? {} : { STRATA_URL: url }) });

  /** Starts the server and waits for its one line. */
  const up = async (): Promise<{ readonly url: string; readonly application: string; readonly startedMs: number }> => {
    server = spawn(process.execPath, [...program, "up", "--port", "0", "--no-watch", "--json"], { cwd: folder, env: environment(), stdio: ["ignore", "pipe", "pipe"] });
    let errors = "";
    server.stderr?.on("data", (chunk: Buffer) => { errors += chunk.toString(); });
    for await (const line of createInterface({ input: server.stdout! })) return JSON.parse(line) as Awaited<ReturnType<typeof up>>;
    return assert.fail(`the server did not start\n${errors}`);
  };
  /** As a supervisor stops it. */
  const stop = async (): Promise<unknown> => {
    const exited = once(server, "exit");
    server.kill("SIGTERM");
    return (await exited)[0];
  };

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "strata-first-"));
    await mkdir(join(folder, "node_modules"));
    await symlink(root, join(folder, "node_modules", "strata"), "dir"); // what `npm install` would do
  });
  after(async () => {
    server.kill("SIGKILL");
    await rm(folder, { recursive: true });
  });

  test("init writes it, up runs it", async () => {
    const { files } = await result<{ files: readonly { path: string }[] }>("init .");
    assert.ok(files.some(({ path }) => path === "app.ts"));
    const running = await up();
    assert.equal(running.application, "delivery_times");
    url = running.url;
    assert.equal((await fetch(url)).status, 200, "the console is there");
  });

  test("four weeks of events come in once, however often they are sent", async () => {
    const first = await result<{ accepted: number; deadLetters: number }>("ingest deliveries events.ndjson --backfill");
    assert.deepEqual({ accepted: first.accepted, deadLetters: first.deadLetters }, { accepted: 4_000, deadLetters: 0 });
    const again = await result<{ accepted: number; duplicates: number }>("ingest deliveries events.ndjson --backfill");
    assert.deepEqual({ accepted: again.accepted, duplicates: again.duplicates }, { accepted: 0, duplicates: 4_000 });
  });

  test("a model learns more than the mean, passes its gates and answers", async () => {
    const early = await result<{ variant: string; outputs: readonly number[] }>("predict eta courier=c-03 restaurant=r-07");
    assert.deepEqual([early.variant, early.outputs], ["fallback", [35]], "before there is a version, the fallback answers");
    const report = await result<{ passed: boolean; version: number; quality: readonly { metric: string; name: string; value: number }[] }>("train eta");
    assert.ok(report.passed);
    const mae = Object.fromEntries(report.quality.filter(({ metric }) => metric === "mae").map(({ name, value }) => [name, value]));
    const [model, ...baselines] = Object.values(mae);
    assert.ok(baselines.length > 0 && model! < 0.6 * Math.min(...baselines), JSON.stringify(mae));
    const answer = await result<{ variant: string; version: number; outputs: readonly number[] }>("predict eta courier=c-03 restaurant=r-07");
    assert.deepEqual([answer.variant, answer.version], ["champion", 1]);
    assert.ok(answer.outputs[0]! > 5 && answer.outputs[0]! < 90);
  });

  test("features are those of the events, and the audit finds no difference", async () => {
    const events = (await readFile(join(folder, "events.ndjson"), "utf8")).trimEnd().split("\n").map((line) => JSON.parse(line) as { courier: string; minutes: number; at: string });
    const { features, rows, atMs } = await result<{ features: readonly string[]; rows: readonly (readonly number[])[]; atMs: number }>("features courier_pace courier=c-03");
    const recent = events.filter(({ courier, at }) => courier === "c-03" && Date.parse(at) > atMs - 7 * 86_400_000);
    const mean = recent.reduce((sum, { minutes }) => sum + minutes, 0) / recent.length;
    assert.ok(Math.abs(rows[0]![features.indexOf("minutes_7d")]! - mean) < 1e-9);
    const audit = await result<{ checked: number; mismatches: number }>("features audit");
    assert.ok(audit.checked > 0);
    assert.equal(audit.mismatches, 0);
  });

  test("what is refused is kept, mended and sent again", async () => {
    const event = { id: "x-1", restaurant: "r-01", distance_km: 2, items: 1, minutes: 20, at: new Date().toISOString() };
    const refused = await strata("ingest deliveries -", `${JSON.stringify(event)}\nnot JSON\n`);
    assert.equal(refused.code, 1);
    const { counts } = await result<{ counts: Record<string, number> }>("ingest dead-letters deliveries");
    assert.deepEqual(counts, { "missing courier": 1, "not JSON": 1 });
    const letters = await strata("ingest dead-letters deliveries");
    assert.match(letters.stdout, /deliveries has 2 open dead letters/);
    const { replayed } = await result<{ replayed: number }>("ingest replay deliveries --id 0 --set courier=c-01");
    assert.equal(replayed, 1);
    assert.deepEqual(await result("ingest discard deliveries --all"), { discarded: 1 });
    const { streams } = await result<{ streams: readonly { events: number; deadLetters: object }[] }>("status");
    assert.deepEqual([streams[0]?.events, streams[0]?.deadLetters], [4_001, {}]);
  });

  test("an edit is planned and applied", async () => {
    assert.equal((await strata("plan --detailed-exit-code")).code, 0);
    const path = join(folder, "app.ts");
    await writeFile(path, (await readFile(path, "utf8")).replace("fallback: 35", "fallback: 40"));
    const plan = await strata("plan --detailed-exit-code");
    assert.equal(plan.code, 2);
    assert.match(plan.stdout, /~ endpoints\.eta {2}answers by the new definition at once\n {6}fallback {2}35 → 40\n/);
    assert.equal((await result<{ applied: boolean }>("apply --yes")).applied, true);
    assert.equal((await strata("plan --detailed-exit-code")).code, 0);
  });

  test("it stops when told to, and what it stored is whole and still there", async () => {
    const doctor = await result<{ healthy: boolean }>(`doctor --url ${url}`);
    assert.ok(doctor.healthy);
    const before = await result<{ outputs: readonly number[] }>("predict eta courier=nobody restaurant=nowhere");
    assert.equal(await stop(), 0);
    url = "";
    const { checks } = await result<{ checks: readonly { name: string; status: string; detail: string }[] }>("doctor --port 0");
    const stored = checks.find(({ name }) => name === "stored data");
    assert.equal(stored?.status, "ok", stored?.detail);
    url = (await up()).url;
    const answer = await result<{ version: number; outputs: readonly number[] }>("predict eta courier=nobody restaurant=nowhere");
    assert.equal(answer.version, 1);
    assert.ok(Math.abs(answer.outputs[0]! - before.outputs[0]!) < 15, "the same model; only the hour may have changed");
    assert.equal(await stop(), 0);
  });
});
