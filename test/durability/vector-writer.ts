/** Writes points to a vector index for ever and says which it was told are durable: the victim of vector-kill.test.ts. */
import { join } from "node:path";
import process from "node:process";
import { createVectorIndexes, DEFAULT_HNSW } from "../../src/data/index.ts";
import { openEmbeddedBlobStore } from "../../src/engines/embedded/blob-store.ts";
import { openEmbeddedEventLog } from "../../src/engines/embedded/event-log.ts";
import { openEmbeddedStateStore } from "../../src/engines/embedded/state-store.ts";
import { vectorEngine } from "../../src/engines/vectors/vector-rows.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import { createIdSource } from "../../src/kernel/ids.ts";
import { createRandom } from "../../src/kernel/random.ts";
import { silentLogger, silentMeter } from "../../src/ports/telemetry.ts";

export async function openVectors(folder: string) {
  const stack = new AsyncDisposableStack();
  const log = stack.use(await openEmbeddedEventLog({ folder: join(folder, "log"), clock: systemClock }));
  const indexes = createVectorIndexes({
    log, states: await openEmbeddedStateStore({ folder: join(folder, "state") }), blobs: await openEmbeddedBlobStore({ folder: join(folder, "blobs") }),
    engine: vectorEngine, clock: systemClock, ids: createIdSource(systemClock, Math.random), random: createRandom(1), logger: silentLogger, meter: silentMeter,
  });
  await indexes.start();
  if (!indexes.has("points")) await indexes.create("points", { vectors: { "": { dimensions: 16, distance: "cosine", hnsw: DEFAULT_HNSW } }, sparse: {}, fields: { round: "integer" }, graphFromRows: 300 });
  return { indexes, [Symbol.asyncDispose]: async () => { await indexes.stop(); await stack.disposeAsync(); } };
}

/** Its first number is the id: whoever reads it back can tell whether it is the right one. */
export function vectorOf(id: number, round: number): Float32Array {
  const random = createRandom(id * 1_000 + round);
  return Float32Array.from({ length: 16 }, () => random.normal());
}

if (process.argv[2] === "write") {
  const { indexes } = await openVectors(process.argv[3]!);
  const round = Number(process.argv[4]);
  const random = createRandom(round);
  setInterval(() => { indexes.checkpoint().catch(() => undefined); }, 40);
  for (;;) {
    const ids = Array.from({ length: 5 }, () => random.integer(2_000));
    if (random.integer(4) === 0) {
      await indexes.change("points", { kind: "delete", chosen: { ids } });
      process.stdout.write(`${JSON.stringify({ ids, round: null })}\n`);
      continue;
    }
    await indexes.change("points", { kind: "upsert", points: ids.map((id) => ({ id, payload: { round }, vectors: new Map([["", vectorOf(id, round)]]) })) });
    process.stdout.write(`${JSON.stringify({ ids, round })}\n`);
  }
}
