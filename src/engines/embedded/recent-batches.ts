/**
 * The newest durable batches of a log, kept in memory up to a number of bytes, so that consumers that keep up
 * never touch the disk. Consecutive by construction: each batch starts where the last one ended.
 */
import type { BatchHeader } from "../../ports/record-batch.ts";
import { lastIndexWhere } from "./segment.ts";

export interface RecentBatch {
  readonly header: BatchHeader;
  readonly bytes: Buffer;
}

export interface RecentBatches {
  push(batch: RecentBatch): void;
  /** The batch that holds `offset`, if it is still here. */
  find(offset: number): RecentBatch | undefined;
}

export function createRecentBatches(maxBytes: number): RecentBatches {
  let batches: RecentBatch[] = [];
  let dropped = 0; // from the front; removed from the list in bulk, because shifting each time would cost a copy
  let heldBytes = 0;

  const evict = (): void => {
    while (heldBytes > maxBytes && dropped < batches.length) heldBytes -= batches[dropped++]!.bytes.length;
    if (dropped * 2 < batches.length) return;
    batches = batches.slice(dropped);
    dropped = 0;
  };

  return {
    push: (batch) => {
      batches.push(batch);
      heldBytes += batch.bytes.length;
      evict();
    },
    find: (offset) => {
      const index = lastIndexWhere(batches, (batch) => batch.header.baseOffset <= offset);
      const batch = index < dropped ? undefined : batches[index];
      return batch && offset < batch.header.baseOffset + batch.header.count ? batch : undefined;
    },
  };
}
