/**
 * Checkpoints of state derived from the log, each stored with the offset it was derived from in one atomic step.
 *
 * Contract: after a crash `load` returns either the previous checkpoint or the new one, whole and verified;
 * a damaged checkpoint gives way to the one before it, whose offsets are older; when none is whole, `load` raises
 * STATE_CORRUPT and the owner rebuilds it from the log. `save` reads the bytes until it resolves.
 */
export interface StateCheckpoint {
  /** Next offset to apply, per log. */
  readonly offsets: Readonly<Record<string, number>>;
  readonly bytes: Uint8Array;
}

export interface StateStore {
  save(name: string, checkpoint: StateCheckpoint): Promise<void>;
  load(name: string): Promise<StateCheckpoint | undefined>;
  delete(name: string): Promise<void>;
  names(): Promise<readonly string[]>;
}
