/**
 * How many rows a walk must keep in sight here. Data differ: clustered vectors need a dozen, uniform noise needs
 * thousands, at which a scan is faster. So rows that are not linked yet are asked for as queries, the answers compared
 * with those of a scan, and the smallest number that finds 97 of 100 true neighbours is what searches use.
 */
import type { Arena } from "./arena.ts";
import type { Graph } from "./graph.ts";
import { createNearest } from "./nearest.ts";
import { encodeQuery } from "./query-encoder.ts";
import { scanList, scanRows } from "./row-scan.ts";

/** 2 points above what is promised: the queries are a sample. */
const WANTED_RECALL = 0.97;
const NEIGHBOURS = 10;
const STEPS = [16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1_024, 1_536, 2_048] as const;
/** No step was enough: a walk is not worth it. */
export const OUT_OF_REACH = 1_000_000;

export interface CalibrationInput {
  readonly arena: Arena;
  readonly graph: Graph;
  /** Rows that are not in the graph. */
  readonly queries: readonly number[];
  readonly isLinked: (row: number) => boolean;
  readonly centre: Float32Array | undefined;
}

export function calibrate({ arena, graph, queries, isLinked, centre }: CalibrationInput): number {
  const { dimensions } = arena.layout;
  const vectors = queries.map((row) => arena.floats.slice(arena.floatsAt(row) / 4, arena.floatsAt(row) / 4 + dimensions));
  const end = arena.blocks * 1_024;
  const truths = vectors.map((vector) => {
    const nearest = createNearest(NEIGHBOURS);
    const { constant } = encodeQuery(arena, vector, centre);
    if (arena.layout.distance === "manhattan") scanList({ arena, nearest, constant }, Array.from({ length: end }, (_, row) => row).filter(isLinked));
    else scanRows({ arena, nearest, constant }, end, isLinked);
    return new Set(nearest.take().rows);
  });
  const wanted = truths.reduce((sum, { size }) => sum + size, 0);
  for (const step of STEPS) {
    let hits = 0;
    for (const [i, vector] of vectors.entries()) {
      const nearest = createNearest(NEIGHBOURS);
      const { constant } = encodeQuery(arena, vector, centre);
      scanList({ arena, nearest, constant }, graph.search(step, isLinked, Infinity)!.rows);
      hits += nearest.take().rows.filter((row) => truths[i]!.has(row)).length;
    }
    if (hits >= WANTED_RECALL * wanted) return step;
  }
  return OUT_OF_REACH;
}
