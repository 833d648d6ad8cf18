/**
 * Fills an index with embeddings learned from its stream: reads the lake, trains in a worker thread, writes the points.
 * Items keep their ids, so that a later training replaces their vectors; items that are not learned any more stay away.
 */
import { runWorkerJob, workerModule } from "../../compute/index.ts";
import type { VectorIndex } from "../../define/index.ts";
import { StrataError } from "../../kernel/errors.ts";
import type { EventColumn } from "../lake/event-columns.ts";
import type { Lake } from "../lake/lake.ts";
import type { ItemEmbeddingJob } from "./item-embedding-job.ts";
import type { ItemEmbeddings } from "./item-embeddings.ts";
import { pointIdOf } from "./point-key.ts";
import type { PointId } from "./point.ts";
import type { VectorIndexes } from "./vector-indexes.ts";

export interface LearnedIndex {
  readonly index: string;
  /** Items with a vector. */
  readonly items: number;
  readonly baskets: number;
  readonly pairs: number;
  /** Points of earlier trainings that are gone. */
  readonly removed: number;
}

export async function learnIndex(index: VectorIndex, { lake, indexes, signal }: { readonly lake: Lake; readonly indexes: VectorIndexes; readonly signal?: AbortSignal }): Promise<LearnedIndex> {
  const { learned } = index;
  if (learned === undefined) throw new StrataError("REQUEST_INVALID", { reason: `Vector index "${index.name}" is not learned: its definition has no \`learned\`.` });
  await lake.flush(learned.from.name);
  using held = await lake.hold();
  const { columns } = await lake.readEvents(learned.from.name, { snapshot: held.snapshot, fields: [learned.basket, learned.item], ...(signal && { signal }) });
  const baskets = codesOf(columns[learned.basket]), items = codesOf(columns[learned.item]);
  const job: ItemEmbeddingJob = { rows: { baskets: baskets.codes, items: items.codes, itemCount: items.names.length }, options: { dimensions: index.dimensions } };
  const trained = await runWorkerJob<ItemEmbeddingJob, ItemEmbeddings, never>(workerModule("item-embedding-job", import.meta.url), job, { name: `embeddings ${index.name}`, signal });
  const points = Array.from(trained.items, (item, at) => ({
    id: pointIdOf(items.names[item]!), payload: { [learned.item]: items.names[item]! }, vectors: new Map([["", trained.vectors.slice(at * index.dimensions, (at + 1) * index.dimensions)]]),
  }));
  const kept = new Set<PointId>(points.map(({ id }) => id));
  const before = indexes.index(index.name).points;
  const gone = Array.from({ length: before.slots }, (_, slot) => before.id(slot)).filter((id) => id !== undefined && !kept.has(id)) as PointId[];
  await indexes.change(index.name, { kind: "upsert", points });
  if (gone.length > 0) await indexes.change(index.name, { kind: "delete", chosen: { ids: gone } });
  return { index: index.name, items: points.length, baskets: trained.baskets, pairs: trained.pairs, removed: gone.length };
}

/** Values as codes with their names; numbers are named by their decimal text. */
function codesOf(column: EventColumn | undefined): { readonly codes: Int32Array; readonly names: readonly string[] } {
  if (column?.kind === "text") return { codes: column.codes, names: column.dictionary };
  if (column?.kind !== "number") return { codes: new Int32Array(0), names: [] };
  const codeOf = new Map<number, number>();
  const codes = Int32Array.from(column.values, (value) => {
    if (Number.isNaN(value)) return -1;
    const code = codeOf.get(value) ?? codeOf.size;
    codeOf.set(value, code);
    return code;
  });
  return { codes, names: [...codeOf.keys()].map(String) };
}
