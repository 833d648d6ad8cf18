/** The laws of ports/vector-index.ts, as cases that run on any engine. Oracles are plain loops over 64-bit numbers. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { createRandom } from "../../src/kernel/random.ts";
import type { RowBits, VectorDistance, VectorEngine, VectorRows, VectorRowsOptions } from "../../src/ports/vector-index.ts";
import { caseDeclarer } from "./cases.ts";
import type { Skips } from "./cases.ts";

const HNSW = { m: 8, efConstruction: 64, efSearch: 160 };
const DISTANCES: readonly VectorDistance[] = ["cosine", "dot", "euclid", "manhattan"];

interface Case {
  readonly name: string;
  readonly run: () => Promise<void>;
}

export function vectorRowsConformance(name: string, engine: VectorEngine, skips: Skips = {}): void {
  const declare = caseDeclarer(`vector rows, ${name}`, skips);
  for (const { name: title, run } of casesOf(engine)) declare(title, run);
}

function casesOf(engine: VectorEngine): readonly Case[] {
  const open = (options: Partial<VectorRowsOptions> = {}): VectorRows => engine.open({ dimensions: 12, distance: "cosine", hnsw: HNSW, ...options });
  return [
    ...DISTANCES.map((distance): Case => ({
      name: `${distance}: an exact search gives the k closest, whatever was set and removed before`,
      run: () => fc.assert(fc.asyncProperty(fc.integer(), fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 400 }), async (seed, k, count) => {
        await using rows = open({ distance });
        const truth = fill(rows, { seed, count, dimensions: 12 });
        const query = randomVector(createRandom(seed + 1), 12);
        assertNearest(rows, { distance, truth, query, k });
      }), { numRuns: 40 }),
    })),
    {
      name: "a filter leaves min(k, matching) of the closest that match",
      run: () => fc.assert(fc.asyncProperty(fc.integer(), fc.integer({ min: 1, max: 30 }), fc.double({ min: 0, max: 1, noNaN: true }), async (seed, k, share) => {
        await using rows = open();
        const truth = fill(rows, { seed, count: 600, dimensions: 12 });
        const random = createRandom(seed + 2);
        const allowed = new Map([...truth].filter(() => random.next() < share));
        const query = randomVector(random, 12);
        assertNearest(rows, { distance: "cosine", truth: allowed, query, k, bits: bitsOf(allowed.keys()) });
      }), { numRuns: 40 }),
    },
    {
      name: "along a graph: recall of 0.95, with and without a filter, and removed rows are never found",
      run: async () => {
        for (const distance of ["cosine", "euclid", "manhattan"] as const) await graphRecall(open({ distance, dimensions: 24, graphFromRows: 500 }), distance);
      },
    },
    {
      name: "rows set while the graph is built are found at once",
      run: async () => {
        await using rows = open({ graphFromRows: 500 });
        const truth = fill(rows, { seed: 5, count: 3_000, dimensions: 12 });
        const building = rows.maintain();
        const random = createRandom(99);
        for (let row = 5_000; row < 5_050; row++) {
          const vector = randomVector(random, 12);
          rows.set(row, vector);
          truth.set(row, vector);
          assert.equal(rows.search(vector, { k: 1 }).rows[0], row);
          await new Promise((resolve) => setImmediate(resolve));
        }
        await building;
        for (let row = 5_000; row < 5_050; row++) assert.equal(rows.search(truth.get(row)!, { k: 1 }).rows[0], row);
      },
    },
    {
      name: "rows that were removed from the graph can be set anew after maintenance",
      run: async () => {
        await using rows = open({ graphFromRows: 500 });
        const truth = fill(rows, { seed: 6, count: 4_000, dimensions: 12 });
        await rows.maintain();
        const gone = [...truth.keys()].filter((_, i) => i % 3 === 0);
        for (const row of gone) { rows.remove(row); truth.delete(row); }
        assert.equal(gone.some((row) => rows.canReuse(row)), false);
        assert.equal(rows.needsMaintenance(), true);
        await rows.maintain();
        assert.equal(gone.every((row) => rows.canReuse(row)), true);
        const random = createRandom(7);
        for (const row of gone) { const vector = randomVector(random, 12); rows.set(row, vector); truth.set(row, vector); }
        await rows.maintain();
        assert.ok(recallOf(rows, { truth, distance: "cosine", queries: 50 }) >= 0.95);
      },
    },
    {
      name: "sections restore everything: the same rows, the same answers, no second building",
      run: async () => {
        for (const distance of DISTANCES) {
          await using rows = open({ distance, graphFromRows: 500 });
          const truth = fill(rows, { seed: 8, count: 2_500, dimensions: 12 });
          await rows.maintain();
          for (let row = 0; row < 100; row++) { rows.remove(row); truth.delete(row); }
          await using copy = open({ distance, graphFromRows: 500 });
          for (const { key, bytes } of rows.sections()) copy.restore(key, Buffer.from(bytes()));
          assert.equal(copy.statistics().linked, rows.statistics().linked);
          assert.equal(copy.needsMaintenance(), rows.needsMaintenance());
          const random = createRandom(9);
          for (let i = 0; i < 20; i++) {
            const query = randomVector(random, 12);
            assert.deepEqual(copy.search(query, { k: 10 }), rows.search(query, { k: 10 }));
          }
        }
      },
    },
    {
      name: "a section's version changes when its bytes do, and only then for vectors",
      run: async () => {
        await using rows = open();
        fill(rows, { seed: 10, count: 3_000, dimensions: 12 });
        const before = new Map(rows.sections().map(({ key, version }) => [key, version]));
        rows.set(0, randomVector(createRandom(1), 12));
        const changed = rows.sections().filter(({ key, version }) => before.get(key) !== version).map(({ key }) => key);
        assert.deepEqual(changed, ["vectors/0"]);
      },
    },
    {
      name: "maintenance that is aborted leaves everything findable, and holding it still lets sections be read",
      run: async () => {
        await using rows = open({ graphFromRows: 500, dimensions: 48 });
        const truth = fill(rows, { seed: 11, count: 6_000, dimensions: 48 });
        const ending = new AbortController();
        const building = rows.maintain(ending.signal);
        await new Promise((resolve) => setTimeout(resolve, 150));
        {
          await using _ = await rows.hold();
          await using copy = open({ graphFromRows: 500, dimensions: 48 });
          for (const { key, bytes } of rows.sections()) copy.restore(key, Buffer.from(bytes()));
          assert.equal(copy.statistics().rows, 6_000);
          assert.ok(recallOf(copy, { truth, distance: "cosine", queries: 20 }) >= 0.9);
        }
        ending.abort();
        await building;
        assert.ok(recallOf(rows, { truth, distance: "cosine", queries: 20 }) >= 0.9);
        await rows.maintain();
        assert.equal(rows.statistics().linked, 6_000);
      },
    },
    {
      name: "after close every call is refused",
      run: async () => {
        const rows = open();
        await rows.close();
        assert.throws(() => rows.search(new Float32Array(12), { k: 1 }), { code: "CLOSED" });
        assert.throws(() => rows.set(0, new Float32Array(12)), { code: "CLOSED" });
      },
    },
  ];
}

type Truth = Map<number, Float32Array>;

function randomVector(random: ReturnType<typeof createRandom>, dimensions: number): Float32Array {
  return Float32Array.from({ length: dimensions }, () => random.normal() + 0.5);
}

/** Sets `count` rows, some twice, and removes some again. */
function fill(rows: VectorRows, { seed, count, dimensions }: { readonly seed: number; readonly count: number; readonly dimensions: number }): Truth {
  const random = createRandom(seed);
  const truth: Truth = new Map();
  for (let row = 0; row < count; row++) {
    const vector = randomVector(random, dimensions);
    rows.set(row, vector);
    truth.set(row, vector);
  }
  for (let row = 0; row < count; row += 7) rows.remove(row);
  for (let row = 0; row < count; row += 7) rows.set(row, truth.get(row)!);
  return truth;
}

function closenessOf(distance: VectorDistance, a: Float32Array, b: Float32Array): number {
  let dot = 0, squareA = 0, squareB = 0, squares = 0, sum = 0;
  for (let i = 0; i < a.length; i++) {
    dot += a[i]! * b[i]!;
    squareA += a[i]! ** 2;
    squareB += b[i]! ** 2;
    squares += (a[i]! - b[i]!) ** 2;
    sum += Math.abs(a[i]! - b[i]!);
  }
  if (distance === "dot") return dot;
  if (distance === "cosine") return squareA === 0 || squareB === 0 ? 0 : dot / Math.sqrt(squareA * squareB);
  return distance === "euclid" ? -Math.sqrt(squares) : -sum;
}

function nearestOf(truth: Truth, distance: VectorDistance, query: Float32Array): { readonly row: number; readonly close: number }[] {
  return [...truth].map(([row, vector]) => ({ row, close: closenessOf(distance, query, vector) })).toSorted((a, b) => b.close - a.close || a.row - b.row);
}

interface Asked {
  readonly distance: VectorDistance;
  readonly truth: Truth;
  readonly query: Float32Array;
  readonly k: number;
  readonly bits?: RowBits;
}

function assertNearest(rows: VectorRows, { distance, truth, query, k, bits }: Asked): void {
  const expected = nearestOf(truth, distance, query).slice(0, k);
  const found = rows.search(query, { k, exact: true, ...(bits && { allowed: { bits, count: truth.size } }) });
  assert.equal(found.rows.length, expected.length);
  for (const [i, { close }] of expected.entries()) assert.ok(Math.abs(found.closeness[i]! - close) <= 1e-4 * (1 + Math.abs(close)), `${found.closeness[i]} is not ${close} at place ${i}`);
  assert.ok(found.rows.every((row) => truth.has(row)));
  assert.equal(new Set(found.rows).size, found.rows.length);
}

function bitsOf(rows: Iterable<number>): RowBits {
  const bits = new Uint32Array(256);
  for (const row of rows) bits[row >>> 5]! |= 1 << (row & 31);
  return bits;
}

function recallOf(rows: VectorRows, { truth, distance, queries, bits }: { readonly truth: Truth; readonly distance: VectorDistance; readonly queries: number; readonly bits?: RowBits }): number {
  const random = createRandom(1234);
  const dimensions = rows.options.dimensions;
  let hits = 0, wanted = 0;
  for (let i = 0; i < queries; i++) {
    const query = randomVector(random, dimensions);
    const expected = new Set(nearestOf(truth, distance, query).slice(0, 10).map(({ row }) => row));
    const found = rows.search(query, { k: 10, ...(bits && { allowed: { bits, count: truth.size } }) });
    assert.equal(found.rows.length, Math.min(10, truth.size), "full k");
    assert.ok(found.rows.every((row) => truth.has(row)), "only rows that are there and match");
    hits += found.rows.filter((row) => expected.has(row)).length;
    wanted += expected.size;
  }
  return hits / wanted;
}

async function graphRecall(opened: VectorRows, distance: VectorDistance): Promise<void> {
  await using rows = opened;
  const truth = fill(rows, { seed: 3, count: 8_000, dimensions: 24 });
  await rows.maintain();
  assert.equal(rows.statistics().linked, 8_000);
  assert.equal(rows.search(truth.get(1)!, { k: 10, efSearch: 16 }).plan.way, "graph");
  assert.ok(recallOf(rows, { truth, distance, queries: 60 }) >= 0.95, `${distance} recall`);
  for (const row of truth.keys()) if (row % 4 === 0) { rows.remove(row); truth.delete(row); }
  assert.ok(recallOf(rows, { truth, distance, queries: 60 }) >= 0.95, `${distance} recall after removals`);
  await rows.maintain();
  assert.equal(rows.statistics().removedInGraph, 0);
  assert.ok(recallOf(rows, { truth, distance, queries: 60 }) >= 0.95, `${distance} recall after maintenance`);
  for (const share of [0.5, 0.1, 0.01, 0.001]) {
    const some = new Map([...truth].filter((_, i) => i < truth.size * share));
    assert.ok(recallOf(rows, { truth: some, distance, queries: 30, bits: bitsOf(some.keys()) }) >= 0.95, `${distance} recall at ${share}`);
  }
}
