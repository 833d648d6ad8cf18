/** What is known of each row: set or not, in the graph or not, waiting to be linked. Counts are kept as states change. */

const SET = 1, LINKED = 2, LISTED = 4, QUEUED = 8;

export interface RowStates {
  /** One past the highest row that was ever set. */
  readonly end: number;
  readonly setRows: number;
  readonly linkedRows: number;
  /** Linked rows that are not set any more. */
  readonly ghosts: number;
  isSet(row: number): boolean;
  isLinked(row: number): boolean;
  /** Set and linked: what a walk may find. */
  isFindable(row: number): boolean;
  isIdle(row: number): boolean;
  set(row: number): void;
  unset(row: number): void;
  link(row: number): void;
  unlink(row: number): void;
  queue(row: number, isQueued: boolean): void;
  /** Rows that are set but not linked. */
  tail(): readonly number[];
  rows(which: "set" | "linked" | "ghosts"): Int32Array;
}

export function createRowStates(): RowStates {
  let states = new Uint8Array(1_024);
  let end = 0, setRows = 0, linkedRows = 0, ghosts = 0;
  let tail: number[] = [];
  let isTailDirty = false;

  const of = (row: number): number => (row < end ? states[row]! : 0);
  const reach = (row: number): void => {
    if (row >= states.length) {
      const larger = new Uint8Array(Math.max(states.length * 2, row + 1));
      larger.set(states);
      states = larger;
    }
    end = Math.max(end, row + 1);
  };
  const change = (row: number, next: number): void => {
    const before = states[row]!;
    states[row] = next;
    setRows += (next & SET) - (before & SET);
    linkedRows += ((next & LINKED) - (before & LINKED)) / LINKED;
    ghosts += Number((next & 3) === LINKED) - Number((before & 3) === LINKED);
  };
  return {
    get end() { return end; },
    get setRows() { return setRows; },
    get linkedRows() { return linkedRows; },
    get ghosts() { return ghosts; },
    isSet: (row) => (of(row) & SET) !== 0,
    isLinked: (row) => (of(row) & LINKED) !== 0,
    isFindable: (row) => (states[row]! & 3) === 3,
    isIdle: (row) => (of(row) & (SET | LINKED | QUEUED)) === 0,
    set: (row) => {
      reach(row);
      if ((states[row]! & LISTED) === 0) tail.push(row);
      change(row, states[row]! | SET | LISTED);
    },
    unset: (row) => {
      if (row >= end) return;
      change(row, states[row]! & ~SET);
      isTailDirty = true;
    },
    link: (row) => {
      reach(row);
      change(row, states[row]! | LINKED);
      isTailDirty = true;
    },
    unlink: (row) => change(row, states[row]! & ~LINKED),
    queue: (row, isQueued) => change(row, isQueued ? states[row]! | QUEUED : states[row]! & ~QUEUED),
    tail: () => {
      if (isTailDirty) {
        tail = tail.filter((row) => {
          const isTail = (states[row]! & 3) === SET;
          if (!isTail) states[row]! &= ~LISTED;
          return isTail;
        });
        isTailDirty = false;
      }
      return tail;
    },
    rows: (which) => {
      const wanted = which === "set" ? SET : LINKED;
      const mask = which === "ghosts" ? 3 : wanted;
      const rows: number[] = [];
      for (let row = 0; row < end; row++) if ((states[row]! & mask) === wanted) rows.push(row);
      return Int32Array.from(rows);
    },
  };
}
