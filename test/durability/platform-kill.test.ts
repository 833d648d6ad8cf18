/**
 * The promise of an acknowledgement, through the whole platform: a server is killed with SIGKILL at random moments
 * under load, started again on the same folder, and everything that was not acknowledged is sent again. In the end
 * every event counts exactly once in every feature.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { Agent, request as httpRequest } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { createRandom } from "strata/testing";

const ROUNDS = Number(process.env["STRATA_KILL_ROUNDS"] ?? 50);
const CLIENTS = 6;
const BATCH = 25;
const ACCOUNTS = 40;

interface Payment { readonly id: string; readonly account: string; readonly amount: number }

interface Server {
  readonly url: string;
  readonly process: ChildProcess;
  readonly startMs: number;
}

async function startServer(dataDir: string): Promise<Server> {
  const startedAt = performance.now();
  const child = spawn(process.execPath, ["--conditions=source", join(import.meta.dirname, "payments-server.ts"), dataDir], { stdio: ["ignore", "pipe", "inherit"] });
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout.once("data", (line: Buffer) => resolve(line.toString().trim()));
    child.once("exit", (code) => reject(new Error(`the server ended with ${code} before it served`)));
  });
  return { url, process: child, startMs: performance.now() - startedAt };
}

function post(agent: Agent, url: string, body: string, type: string): Promise<{ readonly status: number; readonly body: string }> {
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest(url, { method: "POST", agent, headers: { "content-type": type } }, (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on("data", (chunk: Buffer) => chunks.push(chunk)).on("end", () => resolve({ status: incoming.statusCode ?? 0, body: Buffer.concat(chunks).toString() })).on("error", reject);
    });
    outgoing.on("error", reject).end(body);
  });
}

/** Sends batches until the server dies; batches without an acknowledgement stay in `unacknowledged`. */
async function load(url: string, next: () => readonly Payment[], unacknowledged: Set<readonly Payment[]>): Promise<number> {
  const agent = new Agent({ keepAlive: true });
  let acknowledged = 0;
  try {
    for (;;) {
      const batch = next();
      unacknowledged.add(batch);
      const { status } = await post(agent, `${url}/v1/streams/payments/events`, batch.map((payment) => JSON.stringify(payment)).join("\n"), "application/x-ndjson");
      assert.equal(status, 202);
      unacknowledged.delete(batch);
      acknowledged += batch.length;
    }
  } catch (thrown) {
    if (thrown instanceof assert.AssertionError) throw thrown;
    return acknowledged; // the server is gone
  } finally {
    agent.destroy();
  }
}

test(`${ROUNDS} kills under load: nothing acknowledged is lost, nothing counts twice`, { timeout: 900_000 }, async (context) => {
  const dataDir = await mkdtemp(join(tmpdir(), "strata-kill-"));
  context.after(() => rm(dataDir, { recursive: true, force: true }));
  const random = createRandom("platform-kill");
  const sent: Payment[] = [];
  const unacknowledged = new Set<readonly Payment[]>();
  const next = (): readonly Payment[] => {
    const batch = Array.from({ length: BATCH }, (_, i) => ({ id: `p${sent.length + i}`, account: `a${random.integer(ACCOUNTS)}`, amount: Math.round(random.next() * 10_000) / 100 }));
    sent.push(...batch);
    return batch;
  };
  const recoveriesMs: number[] = [];
  let acknowledged = 0;
  let resent = 0;

  for (let round = 0; round < ROUNDS; round++) {
    const server = await startServer(dataDir);
    if (round > 0) recoveriesMs.push(server.startMs);
    const clients = Array.from({ length: CLIENTS }, () => load(server.url, next, unacknowledged));
    await new Promise((resolve) => setTimeout(resolve, 100 + random.integer(500)));
    server.process.kill("SIGKILL");
    await new Promise((resolve) => server.process.once("exit", resolve));
    for (const count of await Promise.all(clients)) acknowledged += count;
  }

  const server = await startServer(dataDir);
  const agent = new Agent({ keepAlive: true });
  context.after(() => { agent.destroy(); server.process.kill("SIGKILL"); });
  let duplicates = 0;
  for (const batch of unacknowledged) {
    const answer = await post(agent, `${server.url}/v1/streams/payments/events`, batch.map((payment) => JSON.stringify(payment)).join("\n"), "application/x-ndjson");
    assert.equal(answer.status, 202);
    duplicates += (JSON.parse(answer.body) as { readonly duplicates: number }).duplicates;
    resent += batch.length;
  }
  const expected = new Map<string, { payments: number; cents: number }>();
  for (const { account, amount } of sent) {
    const total = expected.get(account) ?? { payments: 0, cents: 0 };
    expected.set(account, { payments: total.payments + 1, cents: total.cents + Math.round(amount * 100) });
  }
  const keys = [...expected.keys()].map((account) => ({ account }));
  const answer = await post(agent, `${server.url}/v1/features/totals`, JSON.stringify({ keys }), "application/json");
  const { rows } = JSON.parse(answer.body) as { readonly rows: readonly (readonly number[])[] };
  keys.forEach(({ account }, at) => {
    const [payments, amount, recent] = rows[at]!;
    const total = expected.get(account)!;
    assert.equal(payments, total.payments, `payments of ${account}`);
    assert.equal(recent, total.payments, `payments of ${account} in 7 days`);
    assert.equal(Math.round(amount! * 100), total.cents, `amount of ${account}`);
  });
  const sorted = recoveriesMs.toSorted((a, b) => a - b);
  context.diagnostic(`${ROUNDS} kills, ${sent.length} events sent, ${acknowledged} acknowledged before a kill, ${resent} sent again of which ${duplicates} had been stored; 0 lost, 0 counted twice`);
  context.diagnostic(`start after a kill: median ${Math.round(sorted[Math.floor(sorted.length / 2)] ?? 0)} ms, slowest ${Math.round(sorted.at(-1) ?? 0)} ms`);
});
