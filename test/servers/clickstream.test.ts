/**
 * Clickstream at scale, with everything real: workers as processes over a distributed log, PostgreSQL for the leases and
 * Valkey for online features; producers at load; workers killed and paused, every server killed and started again. In the
 * end every feature must be, bit for bit, what one state over the acknowledged events says: nothing lost, nothing twice.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { START_MS, endWorker, expectedFeatures, readFeatures, startLoad, startWorker } from "./clickstream-cluster.ts";
import type { WorkerProcess } from "./clickstream-cluster.ts";
import { activity, views } from "./clickstream-app.ts";
import { kafkaJars, startKafka } from "./kafka.ts";
import { natsProgram, startNats } from "./nats.ts";
import { openPostgresServer } from "./postgres.ts";
import type { ServerProcess } from "./process.ts";
import { openValkeyServer } from "./valkey.ts";

const ROUNDS = Number(process.env["STRATA_KILL_ROUNDS"] ?? 3);
const LEASE_MS = 2_000;

interface LogServer {
  readonly server: ServerProcess;
  readonly address: { readonly nats: string } | { readonly kafka: string };
}

async function clickstream(log: LogServer, report: (text: string) => void): Promise<void> {
  const [postgres, valkey] = [await openPostgresServer(), await openValkeyServer()];
  if (!("server" in postgres)) return report(`skipped: ${postgres.obstacle}`);
  if (!("server" in valkey)) return report(`skipped: ${valkey.obstacle}`);
  await using database = postgres.server;
  await using online = valkey.server;
  const shared = { ...log.address, postgres: await database.newDatabase(), valkey: online.url, leaseMs: LEASE_MS };
  let number = 0;
  const newWorker = (): Promise<WorkerProcess> => startWorker({ ...shared, name: `w${number++}` });
  let workers: readonly WorkerProcess[] = await Promise.all([newWorker(), newWorker(), newWorker(), newWorker()]);
  const takeovers: number[] = [];
  try {
    const load = startLoad(() => workers, { producers: 3, batch: 60 });
    await sleep(2_000);
    const servers = [log.server, online.process, database.process];
    for (let round = 0; round < ROUNDS; round++) {
      const [victim, paused, ...others] = workers;
      workers = [paused!, ...others];
      await endWorker(victim!, "SIGKILL");
      const killedMs = performance.now();
      await readFeatures(workers[1]!.url, activity, Array.from({ length: 40 }, (_, at) => [`c${at}`]), START_MS + 1e9); // all partitions: waits for the takeover
      takeovers.push(performance.now() - killedMs);
      workers = [...workers, await newWorker()];

      paused!.child.kill("SIGSTOP"); // to everybody else it is dead
      const server = servers[round % servers.length]!;
      await server.kill();
      await sleep(300);
      await server.start();
      await sleep(LEASE_MS + 500);
      paused!.child.kill("SIGCONT");
      await sleep(1_000);
      workers = [...workers.slice(1), workers[0]!];
    }
    await load.stop();
    const atMs = START_MS + load.acknowledged.length * 250;
    let compared = 0;
    for (const view of views) {
      const { keys, rows } = expectedFeatures(view, load.acknowledged, atMs);
      const found: unknown[] = [];
      for (let at = 0; at < keys.length; at += 500) found.push(...await readFeatures(workers[at % workers.length]!.url, view, keys.slice(at, at + 500), atMs));
      assert.deepEqual(found, JSON.parse(JSON.stringify(rows)), `view ${view.name}`);
      compared += keys.length;
    }
    const [total] = views.map((view) => expectedFeatures(view, load.acknowledged, atMs).rows.reduce<number>((sum, row) => sum + (row as number[])[0]!, 0));
    assert.equal(total, load.acknowledged.length);
    report(`${load.acknowledged.length} events acknowledged (${load.repeated} requests sent again), ${compared} entities of ${views.length} views equal, 0 lost, 0 twice; ${ROUNDS} × kill -9 and pause of a worker, ${ROUNDS} × kill -9 of a server; all partitions readable after ${takeovers.map((ms) => Math.round(ms)).join(", ")} ms (lease ${LEASE_MS} ms)`);
  } catch (thrown) {
    const partitions = await Promise.all(workers.map(({ url }) => fetch(`${url}/v1/partitions`, { signal: AbortSignal.timeout(5_000) }).then((response) => response.text(), String)));
    report(workers.map(({ name, output }, at) => `${name}: ${output().slice(-1_500)}\n${partitions[at]}`).join("\n"));
    throw thrown;
  } finally {
    for (const worker of workers) await endWorker(worker, "SIGKILL");
  }
}

const nats = await natsProgram();
test("clickstream on NATS: workers and servers die, features are exact", { skip: "missing" in nats ? nats.missing : false }, async (context) => {
  if ("missing" in nats) return;
  await using server = await startNats(nats.program);
  await clickstream({ server, address: { nats: server.url } }, (text) => context.diagnostic(text));
});

const kafka = await kafkaJars();
test("clickstream on Kafka: workers and servers die, features are exact", { skip: "missing" in kafka ? kafka.missing : false }, async (context) => {
  if ("missing" in kafka) return;
  await using server = await startKafka(kafka.jars);
  await clickstream({ server, address: { kafka: server.broker } }, (text) => context.diagnostic(text));
});
