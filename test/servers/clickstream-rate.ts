/**
 * How many events per second a group of workers takes and computes, by the number of workers: real servers, worker
 * processes, producers in this process. Not a test; prints one line of JSON per number of workers.
 *
 *   node --conditions=source test/servers/clickstream-rate.ts [--workers 1,2,4] [--seconds 20] [--log nats|kafka] [--batch 500] [--producers 8]
 */
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { application } from "./clickstream-app.ts";
import { endWorker, startLoad, startWorker } from "./clickstream-cluster.ts";
import { kafkaJars, startKafka } from "./kafka.ts";
import { natsProgram, startNats } from "./nats.ts";
import { openPostgresServer } from "./postgres.ts";
import { openValkeyServer } from "./valkey.ts";

const { values } = parseArgs({
  options: {
    workers: { type: "string", default: "1,2,4" }, seconds: { type: "string", default: "20" }, log: { type: "string", default: "nats" },
    batch: { type: "string", default: "500" }, producers: { type: "string", default: "8" },
  },
});

interface Partitions {
  readonly partitions: readonly { readonly unit: string; readonly lagEvents?: number }[];
}

for (const count of values.workers.split(",").map(Number)) {
  await using log = await openLogServer();
  const [postgres, valkey] = [await openPostgresServer(), await openValkeyServer()];
  if (!("server" in postgres) || !("server" in valkey)) throw new Error("obstacle" in postgres ? postgres.obstacle : "obstacle" in valkey ? valkey.obstacle : "");
  await using database = postgres.server;
  await using online = valkey.server;
  const shared = { ...log.address, postgres: await database.newDatabase(), valkey: online.url, leaseMs: 3_000 };
  const workers = await Promise.all(Array.from({ length: count }, (_, number) => startWorker({ ...shared, name: `w${number}` })));
  try {
    const lagNow = async (): Promise<number> => {
      const answers = await Promise.all(workers.map(async ({ url }) => await (await fetch(`${url}/v1/partitions`)).json() as Partitions));
      return answers.flatMap(({ partitions }) => partitions).reduce((sum, { lagEvents = 0 }) => sum + lagEvents, 0);
    };
    await sleep(4_000); // the units find their workers
    const load = startLoad(() => workers, { producers: Number(values.producers), batch: Number(values.batch) });
    await sleep(2_000);
    const lags: number[] = [];
    const before = load.acknowledged.length;
    const startedMs = performance.now();
    while (performance.now() - startedMs < Number(values.seconds) * 1_000) {
      await sleep(500);
      lags.push(await lagNow());
    }
    const taken = (load.acknowledged.length - before) / ((performance.now() - startedMs) / 1_000);
    await load.stop();
    const stoppedMs = performance.now();
    while (await lagNow() > 0) await sleep(50);
    const digestedMs = performance.now() - stoppedMs;
    process.stdout.write(`${JSON.stringify({ log: values.log, application: application.name, workers: count, eventsPerSecond: Math.round(taken), lagMedian: lags.toSorted((a, b) => a - b)[lags.length >> 1], lagMax: Math.max(...lags), digestedAfterMs: Math.round(digestedMs), repeated: load.repeated })}\n`);
  } finally {
    for (const worker of workers) await endWorker(worker, "SIGTERM");
  }
}

async function openLogServer(): Promise<AsyncDisposable & { readonly address: { readonly nats: string } | { readonly kafka: string } }> {
  if (values.log === "kafka") {
    const found = await kafkaJars();
    if ("missing" in found) throw new Error(found.missing);
    const server = await startKafka(found.jars);
    return { address: { kafka: server.broker }, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
  }
  const found = await natsProgram();
  if ("missing" in found) throw new Error(found.missing);
  const server = await startNats(found.program, { maxPayloadBytes: 8 * 1_048_576 });
  return { address: { nats: server.url }, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}
