/**
 * What a start makes of the last checkpoint. Everything in it is derived from the log, so damage costs time, not data:
 * an index whose image is damaged is built again from its creation on. Where the log begins later than that, the index
 * is lost: nothing of it is served, everything else is, and its image stays named, so that blobs put back heal it.
 */
import { StrataError, isStrataError, reasonOf } from "../../kernel/errors.ts";
import type { BlobStore } from "../../ports/blob-store.ts";
import type { StateStore } from "../../ports/state-store.ts";
import type { Logger } from "../../ports/telemetry.ts";
import type { VectorEngine } from "../../ports/vector-index.ts";
import { EMPTY_CATALOG, loadCatalog } from "./catalog.ts";
import type { Catalog, LostIndex, SavedIndex } from "./catalog.ts";
import { readImage } from "./index-image.ts";
import type { IndexPoints } from "./index-points.ts";

export interface RecoveredIndexes {
  readonly whole: readonly { readonly saved: SavedIndex; readonly points: IndexPoints }[];
  /** Those to build again, by name: the offset of their creation. */
  readonly rebuilt: ReadonlyMap<string, number>;
  readonly lost: readonly LostIndex[];
}

export interface RecoveryContext {
  readonly blobs: Pick<BlobStore, "get">;
  readonly engine: VectorEngine;
  /** Where the log begins. */
  readonly oldestOffset: number;
  readonly logger: Logger;
}

const DAMAGE: ReadonlySet<string> = new Set(["BLOB_CORRUPT", "BLOB_NOT_FOUND", "STATE_CORRUPT"]);

/** Bytes that are not what was written. A store that does not answer is another matter, and is thrown. */
export function isDamage(thrown: unknown): thrown is StrataError {
  return isStrataError(thrown) && DAMAGE.has(thrown.code);
}

/** `isWhole` is false when no copy could be read: then the log alone says what there is. */
export async function recoverCatalog(states: StateStore, logger: Logger): Promise<{ readonly catalog: Catalog; readonly isWhole: boolean }> {
  try {
    return { catalog: await loadCatalog(states), isWhole: true };
  } catch (thrown) {
    if (!isDamage(thrown)) throw thrown;
    logger.log("error", `The catalog of vector indexes is damaged: ${thrown.message} The indexes are built again from their log; their snapshots are forgotten.`);
    return { catalog: EMPTY_CATALOG, isWhole: false };
  }
}

export async function recoverIndexes({ indexes, lost: before }: Catalog, { blobs, engine, oldestOffset, logger }: RecoveryContext): Promise<RecoveredIndexes> {
  const whole: { saved: SavedIndex; points: IndexPoints }[] = [];
  const rebuilt = new Map<string, number>();
  const lost: LostIndex[] = before.filter(({ saved }) => saved === undefined);
  const lose = (saved: SavedIndex, reason: string): void => {
    lost.push({ name: saved.name, reason, saved });
    logger.log("error", `Vector index "${saved.name}" cannot be served: ${reason}`, { index: saved.name });
  };
  const recover = async (saved: SavedIndex): Promise<void> => {
    if (saved.offset < oldestOffset) return lose(saved, `its checkpoint ends at ${saved.offset}, its log begins at ${oldestOffset}`);
    try {
      whole.push({ saved, points: await readImage(saved, { blobs, engine }) });
    } catch (thrown) {
      if (!isDamage(thrown)) throw thrown;
      if (saved.createdAt < oldestOffset) return lose(saved, `${thrown.message} Its log begins at ${oldestOffset}, after its creation at ${saved.createdAt}, so it cannot be built again`);
      rebuilt.set(saved.name, saved.createdAt);
      logger.log("error", `Vector index "${saved.name}" is built again from its log, because its checkpoint is damaged: ${reasonOf(thrown)}`, { index: saved.name });
    }
  };
  try {
    for (const saved of [...indexes, ...before.flatMap(({ saved: image }) => image ?? [])]) await recover(saved);
  } catch (thrown) {
    for (const { points } of whole) await points[Symbol.asyncDispose]();
    throw thrown;
  }
  return { whole, rebuilt, lost };
}
