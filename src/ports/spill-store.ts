/**
 * Room outside the process's memory for state that is seldom asked for and can be rebuilt: nothing here survives a
 * restart. Synchronous, because a feature is read in one go: a cold entity comes back in the middle of a read.
 *
 * Contract, judged by test/conformance/spill-store.ts on every engine:
 * - `put` gives a number under which the same bytes are found until they are taken or dropped; numbers are used again after.
 * - `read` and `take` give bytes of their own; `take` forgets them.
 * - The room in use stays within a constant of the bytes that are kept.
 * - Bytes that are no longer what was put are SPILL_DAMAGED, and never handed out.
 * - What else the engine refuses is SPILL_FAILED: a `put` that failed keeps nothing, a `take` that failed forgets nothing.
 */
export interface SpillStore {
  put(bytes: Uint8Array): number;
  read(kept: number): Uint8Array;
  take(kept: number): Uint8Array;
  drop(kept: number): void;
  statistics(): SpillStatistics;
  /** Forgets everything and gives the room back; more calls do nothing. */
  close(): void;
}

export interface SpillStatistics {
  /** How many are kept, their bytes, and the room they take. */
  readonly entries: number;
  readonly keptBytes: number;
  readonly usedBytes: number;
}
