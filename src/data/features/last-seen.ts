/**
 * Marks on the codes of one column that are wiped in no time: an entry counts only in the round that made it.
 */
export interface LastSeen {
  /** A number kept with each marked code, by convention a row. */
  rows: Int32Array;
  rounds: Uint32Array;
  round: number;
}

export function createLastSeen(): LastSeen {
  return { rows: new Int32Array(64), rounds: new Uint32Array(64), round: 0 };
}

/** Forgets all marks and makes room for codes below `size`. */
export function startRound(seen: LastSeen, size: number): void {
  if (seen.rounds.length < size || seen.round === 2 ** 32 - 1) {
    const length = Math.max(size, seen.rounds.length * 2);
    seen.rows = new Int32Array(length);
    seen.rounds = new Uint32Array(length);
    seen.round = 0;
  }
  seen.round++;
}
