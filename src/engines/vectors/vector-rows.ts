/**
 * Vectors in one shared WebAssembly memory: exact scans by codes and floats, and above some size a graph that another
 * thread builds in the same memory while this one goes on reading and writing. Rows that the graph does not link yet
 * are scanned, so that what was set is found at once.
 */
import { StrataError } from "../../kernel/errors.ts";
import type { VectorEngine, VectorHits, VectorRows, VectorRowsOptions, VectorSearch } from "../../ports/vector-index.ts";
import { KIND, openArena } from "./arena.ts";
import { HEADER, LIST_ROWS } from "./arena-layout.ts";
import { openGraph } from "./graph.ts";
import { createMaintainer } from "./maintainer.ts";
import { createNearest } from "./nearest.ts";
import { encodeQuery, encodeRow, unitVector } from "./query-encoder.ts";
import { hasBit, listOf, scanList, scanRows } from "./row-scan.ts";
import { createRowStates } from "./row-states.ts";
import { createSections } from "./sections.ts";
import { defaultGraphFromRows, planSearch } from "./search-plan.ts";

/** Euclidean rows are coded around the mean of the first so many: a cloud far from the origin keeps its detail. */
const CENTRE_ROWS = 256;
/** The graph takes new rows when there are so many, or this share of what it has. */
const TAIL_ROWS = 2_000;
const TAIL_SHARE = 0.02;
const GHOST_SHARE = 0.1;

export const vectorEngine: VectorEngine = { open: openVectorRows };

export function openVectorRows(options: VectorRowsOptions): VectorRows {
  const { distance, dimensions, hnsw } = options;
  const arena = openArena(options);
  const states = createRowStates();
  const graph = openGraph(arena, hnsw.efConstruction);
  const graphFromRows = options.graphFromRows ?? defaultGraphFromRows(arena.layout.codeStride);
  let centre: Float32Array | undefined;
  let isClosed = false;
  const maintainer = createMaintainer({ options, arena, states, centre: () => centre });
  const sections = createSections({
    arena, states,
    centre: () => centre,
    restored: (row, vector, isSet) => {
      encodeRow(arena, row, vector, centre);
      if (isSet) states.set(row);
      else arena.floats[arena.metaAt(row) / 4 + 1] = Number.NaN;
    },
    centred: (restored) => { centre = restored; },
  });

  const refuseClosed = (): void => {
    if (isClosed) throw new StrataError("CLOSED", { what: "The vector index" });
  };
  const prepared = (query: Float32Array): Float32Array => (distance === "cosine" ? unitVector(query) : query);
  const readVector = (row: number): Float32Array => arena.floats.slice(arena.floatsAt(row) / 4, arena.floatsAt(row) / 4 + dimensions);
  const findCentre = (): void => {
    const sum = new Float64Array(dimensions);
    const rows = states.rows("set");
    for (const row of rows) {
      const at = arena.floatsAt(row) / 4;
      for (let i = 0; i < dimensions; i++) sum[i]! += arena.floats[at + i]!;
    }
    centre = Float32Array.from(sum, (total) => total / rows.length);
    for (const row of rows) encodeRow(arena, row, readVector(row), centre);
  };
  const needsMaintenance = (): boolean => {
    maintainer.absorb();
    const waiting = states.setRows - (states.linkedRows - states.ghosts);
    if (states.linkedRows === 0) return states.setRows >= graphFromRows;
    return waiting >= Math.max(TAIL_ROWS, states.linkedRows * TAIL_SHARE) || states.ghosts >= Math.max(TAIL_ROWS / 2, states.linkedRows * GHOST_SHARE);
  };

  const search = (given: Float32Array, { k, allowed, exact = false, efSearch, minimum }: VectorSearch): VectorHits => {
    refuseClosed();
    maintainer.absorb();
    const query = prepared(given);
    const matching = Math.min(allowed?.count ?? states.setRows, states.setRows);
    const ef = Math.max(efSearch ?? (arena.words[HEADER.reach]! || hnsw.efSearch), Math.ceil(k * 1.5));
    const plan = planSearch({
      rows: states.setRows, linked: states.linkedRows - states.ghosts, allowed: matching, isFiltered: allowed !== undefined, ef, m: hnsw.m,
      codeBytes: arena.layout.codeStride, isExact: exact, isManhattan: distance === "manhattan",
    });
    const { constant } = encodeQuery(arena, query, centre);
    const nearest = createNearest(Math.min(k, matching), minimum === undefined ? undefined : fromCloseness(minimum));
    const target = { arena, nearest, constant };
    const accepts = allowed ? (row: number): boolean => states.isSet(row) && hasBit(allowed.bits, row) : states.isSet;
    let { reason } = plan;
    const walked = plan.way === "graph" ? graph.search(ef, allowed ? (row) => states.isFindable(row) && hasBit(allowed.bits, row) : states.isFindable, plan.budget) : undefined;
    const tail = plan.way !== "graph" || !allowed ? states.tail() : states.tail().filter(accepts);
    const isWhole = walked !== undefined && walked.rows.length >= Math.min(k, matching - tail.length);
    if (isWhole) {
      scanList(target, walked.rows);
      scanList(target, tail);
    } else {
      if (plan.way === "graph") reason += "; the graph did not lead to enough of them in time, so they were scanned";
      if (distance === "manhattan") scanList(target, allowed ? listOf(allowed.bits, states.end, accepts) : states.rows("set"));
      else if (allowed && matching * 3 < states.end) scanList(target, listOf(allowed.bits, states.end, accepts));
      else scanRows(target, states.end, allowed && accepts);
    }
    const { rows, closeness } = nearest.take();
    return { rows, closeness: closeness.map(toCloseness), plan: { way: isWhole ? "graph" : "scan", reason } };
  };
  const toCloseness = (measured: number): number => (distance === "euclid" ? -Math.sqrt(Math.max(0, -measured)) : measured);
  const fromCloseness = (closeness: number): number => (distance === "euclid" ? -(Math.min(0, closeness) ** 2) : closeness);

  const rowsOf: VectorRows = {
    options,
    set: (row, vector) => {
      refuseClosed();
      if (!rowsOf.canReuse(row) && !states.isSet(row)) throw new StrataError("INTERNAL", { reason: `row ${row} of a vector index is still in its graph` });
      arena.reach(row);
      encodeRow(arena, row, prepared(vector), centre);
      states.set(row);
      sections.vectorsChanged(row);
      if (distance === "euclid" && centre === undefined && states.setRows === CENTRE_ROWS) findCentre();
    },
    remove: (row) => {
      refuseClosed();
      if (!states.isSet(row)) return;
      arena.floats[arena.metaAt(row) / 4 + 1] = Number.NaN;
      states.unset(row);
      sections.vectorsChanged(row);
    },
    has: (row) => states.isSet(row),
    canReuse: (row) => {
      maintainer.absorb();
      return states.isIdle(row);
    },
    vector: (row) => (states.isSet(row) ? readVector(row) : undefined),
    search,
    closeness: (given, rows) => {
      refuseClosed();
      encodeQuery(arena, prepared(given), centre);
      const { kernels, desk, words, floats } = arena;
      const measured = new Float32Array(rows.length);
      for (let from = 0; from < rows.length; from += LIST_ROWS) {
        const count = Math.min(LIST_ROWS, rows.length - from);
        for (let i = 0; i < count; i++) words[desk.list / 4 + i] = rows[from + i]!;
        kernels.exact(desk.list, count, desk.out, KIND[distance]);
        for (let i = 0; i < count; i++) measured[from + i] = toCloseness(floats[desk.out / 4 + i]!);
      }
      return measured;
    },
    statistics: () => {
      maintainer.absorb();
      return { rows: states.setRows, linked: states.linkedRows - states.ghosts, removedInGraph: states.ghosts, memoryBytes: arena.memory.buffer.byteLength, isMaintaining: maintainer.isBusy() };
    },
    needsMaintenance,
    maintain: async (signal) => {
      refuseClosed();
      if (!maintainer.isBusy() && !needsMaintenance()) return;
      await maintainer.run(signal);
      sections.linksChanged();
    },
    hold: async () => {
      const held = await maintainer.hold();
      maintainer.absorb();
      if (maintainer.isBusy()) sections.linksChanged();
      return held;
    },
    sections: sections.list,
    restore: (key, bytes) => {
      refuseClosed();
      sections.restore(key, bytes);
    },
    close: async () => {
      isClosed = true;
      await maintainer.close();
    },
    [Symbol.asyncDispose]: () => rowsOf.close(),
  };
  arena.words[HEADER.entry] = 0;
  return rowsOf;
}
