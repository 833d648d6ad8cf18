/**
 * What is known of a stream's dead letters without reading them: one byte each, for its state or, while it is open,
 * its reason. A million letters take a megabyte. Up to 250 reasons are told apart; rarer ones count as "other".
 */
import type { DeadLetterState } from "./dead-letter.ts";

export interface LetterSelection {
  readonly reason?: string | undefined;
  /** Replayed and discarded letters too; their reason is only known by reading them. */
  readonly includeResolved?: boolean | undefined;
  /** First offset to consider. */
  readonly from: number;
  readonly limit: number;
}

export interface DeadLetterIndex {
  /** Notes an open letter; a resolution noted before stays. */
  add(offset: number, reason: string): void;
  /** True when the letter was open. */
  resolve(offset: number, resolution: "replayed" | "discarded"): boolean;
  /** undefined when there is no such letter. */
  stateOf(offset: number): DeadLetterState | undefined;
  /** Open letters by reason, most frequent first. */
  counts(): Readonly<Record<string, number>>;
  open(): number;
  /** Offsets in ascending order. */
  select(selection: LetterSelection): readonly number[];
}

const ABSENT = 0, REPLAYED = 1, DISCARDED = 2, FIRST_REASON = 3;
const MAX_REASONS = 250;
const OTHER = "other";

export function createDeadLetterIndex(): DeadLetterIndex {
  let states = new Uint8Array(1024);
  let end = 0;
  const reasons: { readonly name: string; open: number }[] = [{ name: OTHER, open: 0 }];
  const codes = new Map<string, number>([[OTHER, FIRST_REASON]]);

  const codeOf = (reason: string): number => {
    const known = codes.get(reason);
    if (known !== undefined) return known;
    if (reasons.length >= MAX_REASONS) return FIRST_REASON;
    reasons.push({ name: reason, open: 0 });
    codes.set(reason, FIRST_REASON + reasons.length - 1);
    return FIRST_REASON + reasons.length - 1;
  };
  const setState = (offset: number, state: number): void => {
    if (offset >= states.length) {
      const larger = new Uint8Array(Math.max(states.length * 2, offset + 1));
      larger.set(states);
      states = larger;
    }
    const reasonBefore = reasons[states[offset]! - FIRST_REASON];
    if (reasonBefore !== undefined) reasonBefore.open--;
    const reasonNow = reasons[state - FIRST_REASON];
    if (reasonNow !== undefined) reasonNow.open++;
    states[offset] = state;
    end = Math.max(end, offset + 1);
  };
  const stateAt = (offset: number): number => (offset < end ? states[offset]! : ABSENT);

  return {
    add: (offset, reason) => {
      if (stateAt(offset) === ABSENT) setState(offset, codeOf(reason));
    },
    resolve: (offset, resolution) => {
      const wasOpen = stateAt(offset) >= FIRST_REASON;
      setState(offset, resolution === "replayed" ? REPLAYED : DISCARDED);
      return wasOpen;
    },
    stateOf: (offset) => nameOfState(stateAt(offset)),
    counts: () => Object.fromEntries(reasons.filter(({ open }) => open > 0).toSorted((a, b) => b.open - a.open).map(({ name, open }) => [name, open])),
    open: () => reasons.reduce((sum, reason) => sum + reason.open, 0),
    select: ({ reason, includeResolved = false, from, limit }) => {
      const wanted = reason === undefined ? undefined : codes.get(reason) ?? ABSENT;
      const found: number[] = [];
      for (let offset = from; offset < end && found.length < limit; offset++) {
        const state = states[offset]!;
        const matches = wanted === undefined ? state >= FIRST_REASON : state === wanted;
        if (state !== ABSENT && (matches || (includeResolved && state < FIRST_REASON))) found.push(offset);
      }
      return found;
    },
  };
}

function nameOfState(state: number): DeadLetterState | undefined {
  if (state === ABSENT) return undefined;
  if (state === REPLAYED) return "replayed";
  return state === DISCARDED ? "discarded" : "open";
}
