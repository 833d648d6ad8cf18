/**
 * Derived streams under SIGKILL: a whole server is killed at random moments under load, started again on the same folder,
 * and what was not acknowledged is sent again. In the end every derived event is there exactly once, and a run from the
 * beginning makes every stored byte again.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { createRandom } from "strata/testing";
import { openEmbeddedEventLog } from "../../src/engines/embedded/event-log.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import type { EventLog, LogRecord } from "../../src/ports/event-log.ts";

const ROUNDS = Number(process.env["STRATA_KILL_ROUNDS"] ?? 20);
const BATCH = 20;

interface Batch { readonly stream: "buys" | "clicks"; readonly events: readonly { readonly id: string; readonly price: number }[]; readonly body: string }
interface Server { readonly url: string; readonly child: ChildProcess }

async function startServer(dataDir: string): Promise<Server> {
  const child = spawn(process.execPath, ["--conditions=source", join(import.meta.dirname, "shop-server.ts"), dataDir], { stdio: ["ignore", "pipe", "inherit"] });
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout.once("data", (line: Buffer) => resolve(line.toString().trim()));
    child.once("exit", (code) => reject(new Error(`the server ended with ${code} before it served`)));
  });
  return { url, child };
}

async function kill({ child }: Server, signal: "SIGKILL" | "SIGTERM"): Promise<void> {
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.kill(signal);
  await ended;
}

/** False when the server is gone. */
async function post(url: string, { stream, body }: Batch): Promise<boolean> {
  try {
    const answer = await fetch(`${url}/v1/streams/${stream}/events`, { method: "POST", body, headers: { "content-type": "application/x-ndjson" } });
    await answer.text();
    assert.equal(answer.status, 202);
    return true;
  } catch (thrown) {
    if (thrown instanceof assert.AssertionError) throw thrown;
    return false;
  }
}

interface StreamAnswer { readonly name: string; readonly consumers: readonly { readonly consumer: string; readonly lagEvents: number }[]; readonly derivation?: { readonly state: string; readonly held: number } }

/** Everything is derived and what silence closes is closed. */
async function settle(url: string): Promise<void> {
  for (let quiet = 0; quiet < 4;) {
    const { streams } = await (await fetch(`${url}/v1/streams`)).json() as { readonly streams: readonly StreamAnswer[] };
    const isSettled = streams.every(({ name, consumers, derivation }) => consumers.every(({ consumer, lagEvents }) => !consumer.startsWith("stream ") || lagEvents === 0) && (derivation === undefined || (derivation.state === "running" && (name !== "visits" || derivation.held === 0))));
    quiet = isSettled ? quiet + 1 : 0;
    await new Promise((resolve) => setTimeout(resolve, 150));
  }
}

async function replay(url: string, source: string, derived: string): Promise<{ readonly same: number; readonly difference?: unknown }> {
  const { id } = await (await fetch(`${url}/v1/streams/${source}/replay`, { method: "POST", body: JSON.stringify({ derived }), headers: { "content-type": "application/json" } })).json() as { readonly id: string };
  for (;;) {
    const operation = await (await fetch(`${url}/v1/operations/${id}`)).json() as { readonly state: string; readonly reason?: string; readonly result: { readonly same: number } };
    if (operation.state === "done") return operation.result;
    assert.equal(operation.state, "running", operation.reason);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function recordsOf(log: EventLog, stream: string): Promise<readonly LogRecord[]> {
  const records: LogRecord[] = [];
  for await (const batch of log.read(stream, { from: { offset: 0 } })) records.push(...batch.records);
  return records;
}

test(`${ROUNDS} kills under load: every derived event is there exactly once`, { timeout: 600_000 }, async (context) => {
  const dataDir = await mkdtemp(join(tmpdir(), "strata-derivation-kill-"));
  context.after(() => rm(dataDir, { recursive: true, force: true }));
  const random = createRandom("derivation-kill");
  const sent: Batch[] = [];
  const open = new Set<Batch>();
  const next = (): Batch => {
    const stream = random.next() < 0.5 ? "buys" : "clicks";
    const events = Array.from({ length: BATCH }, (_, at) => ({ id: `${stream}-${sent.length}-${at}`, customer: `c${random.integer(400)}`, price: random.integer(100) }));
    const batch = { stream, events, body: events.map((event) => JSON.stringify(event)).join("\n") } as const;
    sent.push(batch);
    return batch;
  };
  const load = async (url: string): Promise<void> => {
    for (;;) {
      const batch = next();
      open.add(batch);
      if (!await post(url, batch)) return;
      open.delete(batch);
    }
  };
  for (let round = 0; round < ROUNDS; round++) {
    const server = await startServer(dataDir);
    const loads = [load(server.url), load(server.url), load(server.url)];
    await new Promise((resolve) => setTimeout(resolve, 150 + random.integer(500)));
    await kill(server, "SIGKILL");
    await Promise.all(loads);
  }
  const server = await startServer(dataDir);
  context.after(() => server.child.kill("SIGKILL"));
  for (const batch of open) assert.ok(await post(server.url, batch));
  await settle(server.url);
  const replays = [];
  for (const [source, derived] of [["buys", "big"], ["buys", "led"], ["clicks", "visits"], ["visits", "long"]] as const) replays.push([derived, await replay(server.url, source, derived)] as const);
  await kill(server, "SIGKILL");

  await using log = await openEmbeddedEventLog({ folder: join(dataDir, "log"), clock: systemClock });
  const big = (await recordsOf(log, "big")).map(({ payload }) => (JSON.parse(Buffer.from(payload).toString()) as { readonly buy: string }).buy);
  const expected = sent.flatMap(({ stream, events }) => (stream === "buys" ? events.filter(({ price }) => price >= 50) : []));
  assert.equal(new Set(big).size, big.length, "no derived event is there twice");
  assert.equal(big.length, expected.length, "none is missing");
  for (const [derived, { same, difference }] of replays) {
    const records = await recordsOf(log, derived);
    assert.equal(new Set(records.map(({ id }) => id)).size, records.length, `an event of ${derived} is there twice`);
    assert.deepEqual([same, difference], [records.length, undefined], `${derived} is made again byte by byte`);
  }
  context.diagnostic(`${ROUNDS} kills, ${sent.length * BATCH} source events; ${replays.map(([derived, { same }]) => `${derived} ${same}`).join(", ")} derived events: none lost, none twice, all made again with the same bytes`);
});
