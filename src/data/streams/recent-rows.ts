/**
 * Rows of the latest events of every stream, by offset, up to a number of rows over all streams: what ingestion
 * parsed once is not parsed again by each consumer. Oldest runs of rows leave first, whole.
 */
export type Row = Readonly<Record<string, unknown>>;

/** Rows with consecutive offsets that came together; none once it has left. */
interface Run {
  readonly baseOffset: number;
  rows: readonly Row[];
}

/** A stream's runs in offset order; those that left are swept out when the list has doubled. */
interface StreamRuns {
  runs: Run[];
  newestOffset: number;
  sweepAt: number;
}

const NO_ROWS: readonly Row[] = [];
const FIRST_SWEEP = 256;

export interface RecentRows {
  /** Takes over the rows from `baseOffset` on; a run larger than the whole cache is not kept. */
  add(stream: string, baseOffset: number, rows: readonly Row[]): void;
  /** The rows of [from, to) when all of them are held, else undefined. */
  find(stream: string, from: number, to: number): readonly Row[] | undefined;
  /** One past the newest row ever added to the stream, also when it has left or was too much to keep. */
  newestOffset(stream: string): number;
  /** Rows held now. */
  size(): number;
}

export function createRecentRows(maxRows: number): RecentRows {
  const streams = new Map<string, StreamRuns>();
  const arrivals = createQueue<Run>();
  let held = 0;

  const evict = (): void => {
    while (held > maxRows) {
      const run = arrivals.shift()!; // held > 0, so a run is queued
      held -= run.rows.length;
      run.rows = NO_ROWS;
    }
  };

  return {
    add: (stream, baseOffset, rows) => {
      const known = runsOf(streams, stream);
      known.newestOffset = Math.max(known.newestOffset, baseOffset + rows.length);
      if (rows.length === 0 || rows.length > maxRows) return;
      const run: Run = { baseOffset, rows };
      insertInOrder(known, run);
      arrivals.push(run);
      held += rows.length;
      evict();
    },
    find: (stream, from, to) => {
      const known = streams.get(stream);
      return known === undefined ? undefined : collect(known.runs, from, to);
    },
    newestOffset: (stream) => streams.get(stream)?.newestOffset ?? 0,
    size: () => held,
  };
}

function runsOf(streams: Map<string, StreamRuns>, stream: string): StreamRuns {
  let known = streams.get(stream);
  if (known === undefined) streams.set(stream, known = { runs: [], newestOffset: 0, sweepAt: FIRST_SWEEP });
  return known;
}

/** Appends come back in offset order, so this nearly always pushes. */
function insertInOrder(stream: StreamRuns, run: Run): void {
  if (stream.runs.length >= stream.sweepAt) sweep(stream);
  const { runs } = stream;
  let at = runs.length;
  while (at > 0 && runs[at - 1]!.baseOffset > run.baseOffset) at--;
  if (at === runs.length) runs.push(run);
  else runs.splice(at, 0, run);
}

function sweep(stream: StreamRuns): void {
  stream.runs = stream.runs.filter(({ rows }) => rows.length > 0);
  stream.sweepAt = Math.max(FIRST_SWEEP, stream.runs.length * 2);
}

/** Mostly one run, whole, as it was appended: then nothing is copied. */
function collect(runs: readonly Run[], from: number, to: number): readonly Row[] | undefined {
  let at = lastStartingAtOrBefore(runs, from);
  const first = runs[at];
  if (first === undefined || first.baseOffset + first.rows.length <= from) return undefined;
  if (first.baseOffset === from && first.rows.length === to - from) return first.rows;
  const rows: Row[] = [];
  for (let next = from; next < to; at++) {
    const run = runs[at];
    if (run === undefined || run.baseOffset > next || run.baseOffset + run.rows.length <= next) return undefined;
    const part = run.rows.slice(next - run.baseOffset, to - run.baseOffset);
    for (const row of part) rows.push(row);
    next += part.length;
  }
  return rows;
}

/** Index of the run, or -1. */
function lastStartingAtOrBefore(runs: readonly Run[], offset: number): number {
  let low = 0, high = runs.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (runs[middle]!.baseOffset <= offset) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

interface Queue<T> {
  push(item: T): void;
  shift(): T | undefined;
}

/** First in, first out in constant time on average: Array.shift moves every item. */
function createQueue<T>(): Queue<T> {
  let items: (T | undefined)[] = [];
  let head = 0;
  return {
    push: (item) => void items.push(item),
    shift: () => {
      const item = items[head];
      items[head++] = undefined;
      if (head * 2 > items.length) {
        items = items.slice(head);
        head = 0;
      }
      return item;
    },
  };
}
