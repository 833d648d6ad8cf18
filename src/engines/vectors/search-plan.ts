/**
 * How a search is answered: by a scan of every row, by a scan of the rows that a filter leaves, or along the graph.
 * Pure: sizes in, the cheapest way out with its reason. Costs are nanoseconds of one thread, measured by bench/vectors.ts.
 */

export interface SearchSizes {
  /** Rows that are set. */
  readonly rows: number;
  /** Of them, rows in the graph. */
  readonly linked: number;
  /** Rows that the filter allows; `rows` without one. */
  readonly allowed: number;
  readonly isFiltered: boolean;
  /** Rows in sight while walking: efSearch or k. */
  readonly ef: number;
  readonly m: number;
  readonly codeBytes: number;
  readonly isExact: boolean;
  readonly isManhattan: boolean;
}

export interface SearchPlan {
  readonly way: "scan" | "scan-allowed" | "graph";
  readonly reason: string;
  /** Rows that a walk may compare before scanning would have been cheaper. */
  readonly budget: number;
}

/** Beyond about this many bytes of codes, rows come from memory and not from a cache. */
const CACHE_BYTES = 16 * 1024 * 1024;
/** Rows compared per row in sight and link of the lowest layer, in a graph of 50,000 to 1,000,000 rows. */
const COMPARED_PER_LINK = 0.6;

export function planSearch(sizes: SearchSizes): SearchPlan {
  const { rows, linked, allowed, isFiltered, isExact } = sizes;
  const perRow = rowCost(sizes);
  const missNs = rows * sizes.codeBytes > CACHE_BYTES ? 40 : 4;
  const scanNs = isFiltered ? Math.min(allowed * (perRow + missNs), rows * perRow + allowed * 4) : rows * perRow;
  const scan = { way: isFiltered ? "scan-allowed" : "scan", budget: Infinity } as const;
  if (isExact) return { ...scan, reason: `exact search asked for: ${allowed} rows are scanned` };
  if (linked === 0) return { ...scan, reason: `no graph: ${allowed} rows are scanned` };
  const perHop = perRow + missNs + 12;
  const compared = (sizes.ef * 2 * sizes.m * COMPARED_PER_LINK * rows) / Math.max(1, allowed);
  const graphNs = compared * perHop + (rows - linked) * (perRow + missNs);
  const share = `${allowed} of ${rows} rows ${isFiltered ? "match" : "are searched"}`;
  if (scanNs <= graphNs) return { ...scan, reason: `${share}: a scan takes about ${micros(scanNs)}, the graph ${micros(graphNs)}` };
  return { way: "graph", budget: Math.ceil((2 * scanNs) / perHop), reason: `${share}: the graph takes about ${micros(graphNs)}, a scan ${micros(scanNs)}` };
}

/** Below so many rows a graph is not worth building: a scan takes about a millisecond. */
export function defaultGraphFromRows(codeBytes: number): number {
  return Math.max(1_000, Math.round(1_000_000 / (2 + codeBytes * 0.06)));
}

function rowCost({ codeBytes, isManhattan }: SearchSizes): number {
  return isManhattan ? 4 + codeBytes * 0.3 : 2 + codeBytes * 0.06;
}

function micros(ns: number): string {
  return `${Math.max(1, Math.round(ns / 1_000)).toLocaleString("en-US")} µs`;
}
