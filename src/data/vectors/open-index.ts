/** One index in service: operations are applied one after another in the order of the log, searches run in between. */
import type { IndexImage } from "./catalog.ts";
import type { WrittenParts } from "./index-image.ts";
import type { IndexPoints } from "./index-points.ts";

export interface OpenIndex extends AsyncDisposable {
  readonly name: string;
  readonly createdAt: number;
  points: IndexPoints;
  readonly written: WrittenParts;
  /** Next offset to apply: everything below is in the points. */
  offset: number;
  /** Operations that are appended, or about to be, and not applied. */
  waiting: number;
  /** Bytes of operations applied since the last checkpoint. */
  unsavedBytes: number;
  image: IndexImage | undefined;
  /** Runs after everything that was asked before. */
  inTurn<T>(work: () => Promise<T>): Promise<T>;
  /** Brings graphs up to date when they lag; at most one at a time. */
  maintain(): void;
  /** Resolves when no maintenance runs. */
  idle(): Promise<void>;
}

/** Other points from here on; the next checkpoint writes all of them. */
export async function replacePoints(index: OpenIndex, points: IndexPoints, offset: number): Promise<void> {
  const before = index.points;
  index.points = points;
  index.offset = offset + 1;
  index.written.clear();
  index.image = undefined;
  index.unsavedBytes = Math.max(1, index.unsavedBytes);
  await before[Symbol.asyncDispose]();
}

export interface OpenIndexOptions {
  readonly name: string;
  readonly createdAt: number;
  readonly offset: number;
  readonly points: IndexPoints;
  readonly image?: IndexImage;
  readonly written?: WrittenParts;
  readonly onMaintenanceFailed: (thrown: unknown) => void;
}

export function createOpenIndex({ name, createdAt, offset, points, image, written = new Map(), onMaintenanceFailed }: OpenIndexOptions): OpenIndex {
  let turn: Promise<unknown> = Promise.resolve();
  let maintenance: Promise<void> | undefined;
  const closing = new AbortController();
  const index: OpenIndex = {
    name, createdAt, points, written, offset, image, waiting: 0, unsavedBytes: 0,
    inTurn: (work) => {
      const result = turn.then(work);
      turn = result.catch(() => undefined); // told to whoever asked
      return result;
    },
    maintain: () => {
      if (maintenance !== undefined || closing.signal.aborted || !index.points.needsMaintenance()) return;
      maintenance = index.points.maintain(closing.signal).then(() => { index.unsavedBytes = Math.max(1, index.unsavedBytes); }).catch(onMaintenanceFailed).finally(() => { maintenance = undefined; });
    },
    idle: async () => { await maintenance; },
    [Symbol.asyncDispose]: async () => {
      closing.abort();
      await turn;
      await maintenance;
      await index.points[Symbol.asyncDispose]();
    },
  };
  return index;
}
