/**
 * Answers in memory, bounded by their bytes: the least recently used leave first, and what is older than its time is
 * gone. Pure but for its own memory; times are handed in.
 */
import type { CachedAnswer } from "./answer-cache.ts";

export interface KeptAnswer {
  readonly id: string;
  readonly model: string;
  readonly answer: CachedAnswer;
  readonly storedAtMs: number;
  readonly expiresAtMs: number;
  /** Beside the answer itself, e.g. a vector. */
  readonly extraBytes: number;
}

export interface KeptAnswers {
  get(id: string, nowMs: number): KeptAnswer | undefined;
  /** False when it is too large to be kept. */
  put(kept: KeptAnswer): boolean;
  drop(id: string): void;
  forget(model: string): void;
  sizeBytes(): number;
}

/** A Map entry, its strings' headers and the ids. */
const ENTRY_BYTES = 300;

/** One answer must not push out all others. */
const LARGEST_SHARE = 1 / 8;

export function createKeptAnswers({ maxBytes, onDrop }: { readonly maxBytes: number; readonly onDrop?: (id: string) => void }): KeptAnswers {
  const kept = new Map<string, KeptAnswer>(); // in the order of use
  let bytes = 0;

  const drop = (entry: KeptAnswer): void => {
    kept.delete(entry.id);
    bytes -= sizeOf(entry);
    onDrop?.(entry.id);
  };
  return {
    get: (id, nowMs) => {
      const entry = kept.get(id);
      if (entry === undefined) return undefined;
      if (entry.expiresAtMs <= nowMs) {
        drop(entry);
        return undefined;
      }
      kept.delete(id);
      kept.set(id, entry);
      return entry;
    },
    put: (entry) => {
      const before = kept.get(entry.id);
      if (before !== undefined) drop(before);
      if (sizeOf(entry) > maxBytes * LARGEST_SHARE) return false;
      kept.set(entry.id, entry);
      bytes += sizeOf(entry);
      while (bytes > maxBytes) drop(kept.values().next().value!);
      return true;
    },
    drop: (id) => {
      const entry = kept.get(id);
      if (entry !== undefined) drop(entry);
    },
    forget: (model) => {
      for (const entry of kept.values()) if (entry.model === model) drop(entry);
    },
    sizeBytes: () => bytes,
  };
}

/** JavaScript keeps a character in one or two bytes; two is the safe guess. */
const sizeOf = ({ answer, extraBytes }: KeptAnswer): number => answer.body.length * 2 + extraBytes + ENTRY_BYTES;
