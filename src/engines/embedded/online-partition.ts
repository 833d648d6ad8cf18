/**
 * One partition of a view: its entities in memory, and the journal that makes them durable. Writes that arrive while
 * one is being synced share the next sync. A journal that has become mostly history is rewritten, and so is one
 * whose last write failed: its end is not trusted.
 */
import { StrataError, reasonOf } from "../../kernel/errors.ts";
import type { OnlineEntry, OnlineWrite, PartitionPosition } from "../../ports/online-store.ts";
import { replaceFile } from "./durable-file.ts";
import type { Files, OpenFile } from "./files.ts";
import { createGroupCommit } from "../../kernel/group-commit.ts";
import { encodeFrame, readFrame, sizeOf } from "./online-frame.ts";

export interface OnlinePartition {
  /** Resolves when it is durable and visible; rejects with STORE_FENCED, or STORE_FAILED when nothing was written. */
  write(write: OnlineWrite): Promise<void>;
  /** See OnlineStore.claim. */
  claim(place: Pick<OnlineWrite, "view" | "partition" | "epoch">): Promise<PartitionPosition>;
  position(): PartitionPosition | undefined;
  /** Entities by key; changed in one step per write. */
  readonly rows: ReadonlyMap<string, Uint8Array>;
  /** Bytes after the last whole frame that opening cut off. */
  readonly cutBytes: number;
  /** Once it is, a write has to ask for the partition again. */
  isClosed(): boolean;
  /** Finishes what waits. */
  close(): Promise<void>;
}

interface Waiting {
  write: OnlineWrite;
  /** Raises the epoch where the partition stands when its turn comes. */
  readonly isClaim?: boolean;
  refusal?: StrataError;
}

/** A rewrite below this saves nothing worth a rename. */
const REWRITE_ABOVE_BYTES = 1024 * 1024;
/** And only when at most half of the journal still counts. */
const REWRITE_GROWTH = 2;
const GROUP_BYTES = 16 * 1024 * 1024;

/** Reads the journal, or begins one. */
export async function openOnlinePartition(files: Files, path: string): Promise<OnlinePartition> {
  const rows = new Map<string, Uint8Array>();
  let position: PartitionPosition | undefined;
  let file: OpenFile | undefined;
  let sizeBytes = 0;
  let rewrittenBytes = 0;
  let cutBytes = 0;
  let isClosed = false;

  const apply = ({ epoch, offsets, entries }: PartitionPosition & { readonly entries: readonly OnlineEntry[] }): void => {
    for (const { key, bytes } of entries) {
      if (bytes === undefined) rows.delete(key);
      else rows.set(key, bytes);
    }
    position = { epoch, offsets };
  };
  const readJournal = async (journal: OpenFile): Promise<void> => {
    for (let found = await readFrame(journal, 0); found; found = await readFrame(journal, sizeBytes)) {
      apply(found.frame);
      sizeBytes = found.end;
    }
    cutBytes = await journal.size() - sizeBytes;
    if (cutBytes > 0) await journal.truncate(sizeBytes);
  };
  const closeFile = async (): Promise<void> => {
    const closing = file;
    file = undefined;
    await closing?.close();
  };

  /** What the partition will be after these writes, or why one of them is refused; nothing is touched yet. */
  const accept = (waiting: readonly Waiting[]): readonly OnlineWrite[] => {
    let at = position;
    return waiting.flatMap((each) => {
      if (each.isClaim) each.write = { ...each.write, offsets: at?.offsets ?? {} };
      const verdict = judgeWrite(each.write, at);
      if (verdict instanceof StrataError) each.refusal = verdict;
      if (verdict !== "apply") return [];
      at = each.write;
      return [ownCopy(each.write)];
    });
  };
  const rewrite = async (writes: readonly OnlineWrite[]): Promise<void> => {
    await closeFile();
    const next = new Map(rows);
    for (const { key, bytes } of writes.flatMap(({ entries }) => entries)) {
      if (bytes === undefined) next.delete(key);
      else next.set(key, bytes);
    }
    const { epoch, offsets } = writes.at(-1)!;
    const parts = encodeFrame({ epoch, offsets, entries: Array.from(next, ([key, bytes]) => ({ key, bytes })) });
    await replaceFile(files, path, parts);
    file = await files.open(path, "update");
    sizeBytes = rewrittenBytes = sizeOf(parts);
  };
  const extend = async (writes: readonly OnlineWrite[], journal: OpenFile): Promise<void> => {
    const parts = writes.flatMap(encodeFrame);
    await journal.write(parts, sizeBytes);
    await journal.datasync();
    sizeBytes += sizeOf(parts);
  };
  const commit = async (waiting: readonly Waiting[]): Promise<void> => {
    const writes = accept(waiting);
    if (writes.length === 0) return;
    try {
      if (file && sizeBytes <= Math.max(REWRITE_ABOVE_BYTES, REWRITE_GROWTH * rewrittenBytes)) await extend(writes, file);
      else await rewrite(writes);
    } catch (thrown) {
      await closeFile().catch(() => undefined); // after a failed sync the file is not trusted: the next write makes a new one
      throw new StrataError("STORE_FAILED", { reason: reasonOf(thrown) }, { cause: thrown });
    }
    for (const write of writes) apply(write);
  };

  file = await openExisting(files, path);
  if (file) {
    await readJournal(file);
    rewrittenBytes = [...rows.values()].reduce((sum, bytes) => sum + bytes.length, 0);
  }
  const commits = createGroupCommit<Waiting>({ write: commit, weigh: ({ write }) => write.entries.reduce((sum, { bytes }) => sum + (bytes?.length ?? 0), 0), maxWeight: GROUP_BYTES });
  return {
    rows, cutBytes,
    position: () => position,
    write: async (write) => {
      const waiting: Waiting = { write };
      await commits.add(waiting);
      if (waiting.refusal) throw waiting.refusal;
    },
    claim: async (place) => {
      const waiting: Waiting = { write: { ...place, offsets: {}, entries: [] }, isClaim: true };
      await commits.add(waiting);
      if (waiting.refusal) throw waiting.refusal;
      return { epoch: place.epoch, offsets: waiting.write.offsets };
    },
    isClosed: () => isClosed,
    close: async () => {
      isClosed = true;
      await commits.drain();
      await closeFile();
    },
  };
}

async function openExisting(files: Files, path: string): Promise<OpenFile | undefined> {
  try {
    return await files.open(path, "update");
  } catch (thrown) {
    if (thrown instanceof Error && "code" in thrown && thrown.code === "ENOENT") return undefined;
    throw thrown;
  }
}

/** The port's rule of epochs and positions. */
function judgeWrite(write: OnlineWrite, at: PartitionPosition | undefined): "apply" | "repeated" | StrataError {
  if (at === undefined || write.epoch > at.epoch) return "apply";
  if (write.epoch < at.epoch) return new StrataError("STORE_FENCED", { view: write.view, partition: write.partition, epoch: write.epoch, current: at.epoch });
  const logs = [...new Set([...Object.keys(write.offsets), ...Object.keys(at.offsets)])];
  const steps = logs.map((log) => (write.offsets[log] ?? 0) - (at.offsets[log] ?? 0));
  if (steps.every((step) => step <= 0)) return "repeated";
  if (steps.every((step) => step >= 0)) return "apply";
  return new StrataError("STORE_FAILED", { reason: `partition ${write.partition} of view "${write.view}" cannot go forward in one log and back in another` });
}

/** The store keeps the bytes; whoever wrote them may use theirs again. */
function ownCopy(write: OnlineWrite): OnlineWrite {
  return { ...write, offsets: { ...write.offsets }, entries: write.entries.map(({ key, bytes }) => ({ key, bytes: bytes && new Uint8Array(bytes) })) };
}
