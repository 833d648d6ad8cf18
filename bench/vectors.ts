/**
 * Vector rows in one thread: exact scans, filtered scans, the graph, on clustered and on uniform vectors. Recall is
 * against plain loops over 64-bit numbers.
 *
 *   node --conditions=source bench/vectors.ts [--rows 50000] [--dimensions 128] [--queries 300] [--graph-rows 0] [--kinds clustered,uniform]
 *
 * --graph-rows builds a graph over that many clustered rows and reports time, memory and queries; 1000000 takes minutes.
 */
import { parseArgs } from "node:util";
import { createRandom, openVectorRows } from "strata/testing";

const { values: flags } = parseArgs({ options: {
  rows: { type: "string", default: "50000" }, dimensions: { type: "string", default: "128" }, queries: { type: "string", default: "300" }, "graph-rows": { type: "string", default: "0" },
  kinds: { type: "string", default: "clustered,uniform" }, seed: { type: "string", default: "1" },
} });
const dimensions = Number(flags.dimensions), queries = Number(flags.queries);
const random = createRandom(Number(flags.seed));
const K = 10;
const CLUSTERS = 1_000;
const HNSW = { m: 16, efConstruction: 128, efSearch: 128 };

type Kind = "clustered" | "uniform";
type Vectors = readonly Float32Array[];

function maker(kind: Kind): () => Float32Array {
  const gaussian = (): Float32Array => Float32Array.from({ length: dimensions }, () => random.normal());
  if (kind === "uniform") return gaussian; // directions without any structure: the hardest case
  const centres = Array.from({ length: CLUSTERS }, gaussian);
  return () => random.pick(centres).map((value) => value + 0.3 * random.normal());
}

/** The true nearest, by cosine, of rows that pass. */
function truth(vectors: Vectors, query: Float32Array, passes: (row: number) => boolean): ReadonlySet<number> {
  const best: { row: number; close: number }[] = [];
  for (const [row, vector] of vectors.entries()) {
    if (!passes(row)) continue;
    let dot = 0, square = 0;
    for (let i = 0; i < dimensions; i++) {
      dot += vector[i]! * query[i]!;
      square += vector[i]! * vector[i]!;
    }
    const close = dot / Math.sqrt(square);
    if (best.length === K && close <= best[K - 1]!.close) continue;
    best.push({ row, close });
    best.sort((a, b) => b.close - a.close);
    best.length = Math.min(K, best.length);
  }
  return new Set(best.map(({ row }) => row));
}

interface Measured {
  readonly recallAt10: number;
  readonly fullK: number;
  readonly queriesPerSecond: number;
  readonly cpuMs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

function measure(search: (query: Float32Array) => readonly number[], asked: Vectors, truths: readonly ReadonlySet<number>[]): Measured {
  for (const query of asked) search(query);
  const times = new Float64Array(asked.length);
  let hits = 0, wanted = 0, full = 0;
  const cpu = process.cpuUsage();
  for (const [i, query] of asked.entries()) {
    const begin = performance.now();
    const rows = search(query);
    times[i] = performance.now() - begin;
    const expected = truths[i];
    if (expected === undefined) continue;
    hits += rows.filter((row) => expected.has(row)).length;
    wanted += expected.size;
    full += rows.length === expected.size ? 1 : 0;
  }
  const { user, system } = process.cpuUsage(cpu);
  const mean = times.reduce((sum, ms) => sum + ms, 0) / times.length;
  times.sort();
  return {
    recallAt10: Number((hits / wanted).toFixed(4)), fullK: Number((full / truths.length).toFixed(4)), queriesPerSecond: Math.round(1_000 / mean), cpuMs: Number(((user + system) / 1_000 / asked.length).toPrecision(3)),
    p50Ms: Number(times[times.length >> 1]!.toPrecision(3)), p99Ms: Number(times[Math.floor(times.length * 0.99)]!.toPrecision(3)),
  };
}

const SHARES = [0.5, 0.1, 0.01, 0.001] as const;
const TRUTHS = 100;

async function scans(kind: Kind, rows: number): Promise<void> {
  const make = maker(kind);
  await using index = openVectorRows({ dimensions, distance: "cosine", hnsw: HNSW });
  const vectors = Array.from({ length: rows }, make);
  for (const [row, vector] of vectors.entries()) index.set(row, vector);
  const asked = Array.from({ length: queries }, make);
  const judged = asked.slice(0, TRUTHS);
  const everything = measure((query) => index.search(query, { k: K }).rows, asked, judged.map((query) => truth(vectors, query, () => true)));
  console.log(JSON.stringify({ vectors: `${kind}, ${rows} × ${dimensions}`, filter: "none", way: index.search(asked[0]!, { k: K }).plan.way, ...everything }));
  for (const share of SHARES) {
    const passing = new Uint8Array(rows).map(() => (random.next() < share ? 1 : 0));
    const bits = new Uint32Array(Math.ceil(rows / 32));
    let count = 0;
    for (const [row, passes] of passing.entries()) {
      if (passes === 0) continue;
      bits[row >>> 5]! |= 1 << (row & 31);
      count++;
    }
    const filtered = measure((query) => index.search(query, { k: K, allowed: { bits, count } }).rows, asked, judged.map((query) => truth(vectors, query, (row) => passing[row] === 1)));
    console.log(JSON.stringify({ vectors: `${kind}, ${rows} × ${dimensions}`, filter: `${share * 100} %`, way: index.search(asked[0]!, { k: K, allowed: { bits, count } }).plan.way, ...filtered }));
  }
}

async function graph(kind: Kind, rows: number): Promise<void> {
  const make = maker(kind);
  await using index = openVectorRows({ dimensions, distance: "cosine", hnsw: HNSW, graphFromRows: 1 });
  for (let row = 0; row < rows; row++) index.set(row, make());
  const asked = Array.from({ length: queries }, make);
  const exact = asked.slice(0, TRUTHS).map((query) => new Set(index.search(query, { k: K, exact: true }).rows));
  const begin = performance.now();
  await index.maintain();
  const buildSeconds = (performance.now() - begin) / 1_000;
  const found = measure((query) => index.search(query, { k: K }).rows, asked, exact);
  console.log(JSON.stringify({
    graph: `${kind}, ${rows} × ${dimensions}`, way: index.search(asked[0]!, { k: K }).plan.way, buildSeconds: Number(buildSeconds.toFixed(1)), rowsPerSecond: Math.round(rows / buildSeconds),
    memoryMiB: Math.round(index.statistics().memoryBytes / 2 ** 20), peakMemoryMiB: Math.round(process.resourceUsage().maxRSS / 1_024), ...found,
  }));
}

for (const kind of flags.kinds.split(",") as Kind[]) {
  await scans(kind, Number(flags.rows));
  if (Number(flags["graph-rows"]) > 0) await graph(kind, Number(flags["graph-rows"]));
}
