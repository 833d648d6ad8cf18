/**
 * One value of a session while its events come: folds an event in, takes over another session's value, tells the
 * result. Sums are exact (data/features/exact-sum.ts), first and last go by event time and then by offset, so neither
 * the order of arrival nor of merging changes a bit.
 */
import { compileExpression } from "../../define/index.ts";
import type { EventValue, Scalar, SessionAggregate } from "../../define/index.ts";
import { LANES, addExact, addLanes, exactTotal } from "../features/exact-sum.ts";
import type { SourceEvent } from "./operator.ts";

/** Plain data: it is stored as it is. */
export interface ValueState {
  count: number;
  /** Of sum and mean: the lanes of the exact sum. */
  sums?: number[];
  /** Of min and max. */
  best?: number;
  /** Of first and last: the value and where it stood. */
  picked?: { readonly value: Scalar; readonly timeMs: number; readonly offset: number };
  /** Of distinct. */
  values?: Scalar[];
}

export interface SessionFolder {
  create(): ValueState;
  fold(state: ValueState, event: SourceEvent): void;
  merge(state: ValueState, other: ValueState): void;
  result(state: ValueState): EventValue;
}

export function compileSessionValue({ aggregate, of }: SessionAggregate): SessionFolder {
  const read = of === undefined ? undefined : compileExpression(of);
  const fold = FOLDS[aggregate];
  return {
    create: () => ({ count: 0 }),
    fold: (state, event) => {
      const value = read === undefined ? true : read(event.row, event.timeMs);
      if (value === undefined) return;
      state.count++;
      fold?.(state, { value, timeMs: event.timeMs, offset: event.offset });
    },
    merge: (state, other) => {
      state.count += other.count;
      if (other.sums) addSums(state, other.sums);
      if (other.best !== undefined) fold?.(state, { value: other.best, timeMs: 0, offset: 0 });
      if (other.picked) fold?.(state, other.picked);
      for (const value of other.values ?? []) fold?.(state, { value, timeMs: 0, offset: 0 });
    },
    result: (state) => resultOf(aggregate, state),
  };
}

const NO_SUMS: readonly number[] = Array.from({ length: LANES }, () => 0);

interface Found {
  readonly value: Scalar;
  readonly timeMs: number;
  readonly offset: number;
}

type Fold = (state: ValueState, found: Found) => void;

const addNumber: Fold = (state, { value }) => {
  if (typeof value !== "number") return void state.count--;
  const sums = Float64Array.from(state.sums ?? NO_SUMS);
  addExact(sums, 0, value);
  state.sums = [...sums];
};

const keepBest = (isBetter: (a: number, b: number) => boolean): Fold => (state, { value }) => {
  if (typeof value === "number" && (state.best === undefined || isBetter(value, state.best))) state.best = value;
};

const keepPicked = (sign: 1 | -1): Fold => (state, found) => {
  const known = state.picked;
  const order = known === undefined ? 1 : sign * (found.timeMs - known.timeMs || found.offset - known.offset);
  if (order > 0) state.picked = { value: found.value, timeMs: found.timeMs, offset: found.offset };
};

const FOLDS: Readonly<Record<SessionAggregate["aggregate"], Fold | undefined>> = {
  count: undefined, sum: addNumber, mean: addNumber,
  min: keepBest((a, b) => a < b), max: keepBest((a, b) => a > b), first: keepPicked(-1), last: keepPicked(1),
  distinct: (state, { value }) => {
    const values = state.values ??= [];
    if (!values.includes(value)) values.push(value);
  },
};

function addSums(state: ValueState, other: readonly number[]): void {
  const sums = Float64Array.from(state.sums ?? NO_SUMS);
  addLanes(sums, 0, Float64Array.from(other), 0);
  state.sums = [...sums];
}

function resultOf(aggregate: SessionAggregate["aggregate"], { count, sums, best, picked, values }: ValueState): EventValue {
  switch (aggregate) {
    case "count": return count;
    case "sum": return sums === undefined ? 0 : exactTotal(Float64Array.from(sums), 0);
    case "mean": return sums === undefined || count === 0 ? undefined : exactTotal(Float64Array.from(sums), 0) / count;
    case "min": case "max": return best;
    case "first": case "last": return picked?.value;
    case "distinct": return values?.length ?? 0;
  }
}
