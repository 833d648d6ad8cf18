/**
 * What every answer earned: outcome rows of one decision are added up until all of them are closed, then the
 * decision's reward is kept with its version and variant. Canary arms and performance windows are read from here.
 * Bounded: the latest decisions only; what a rollout compares is always recent.
 */
import type { JoinedRow } from "../observe/index.ts";

export interface DecisionReward {
  readonly atMs: number;
  readonly version: number;
  readonly variant: string;
  readonly reward: number;
}

/** Count, sum and sum of squares of the rewards of an arm: all that the sequential test needs. */
export interface RewardStatistics {
  readonly n: number;
  readonly sum: number;
  readonly sumSquares: number;
}

export interface ArmQuery {
  readonly version: number;
  readonly variant?: string;
  /** Answers given at or after this time. */
  readonly sinceMs?: number;
}

export interface PerformanceWindow {
  readonly atMs: number;
  readonly version: number;
  readonly variant: string;
  readonly answers: number;
  readonly meanReward: number;
  /** Closed decisions as a share of the decisions opened in the window. */
  readonly completeShare: number;
}

interface OpenDecision {
  readonly atMs: number;
  readonly version: number;
  readonly variant: string;
  /** When its outcome window has passed. */
  readonly settlesAtMs: number;
  remaining: number;
  reward: number;
}

export interface RewardLedgerState {
  readonly closed: readonly DecisionReward[];
  readonly open: readonly (readonly [decision: string, entry: Readonly<OpenDecision>])[];
}

export interface RewardLedger {
  /** A decision with `rows` predictions to be closed one by one. */
  open(decision: string, entry: { readonly atMs: number; readonly version: number; readonly variant: string; readonly rows: number; readonly settlesAtMs: number }): void;
  close(rows: readonly JoinedRow[]): void;
  /**
   * Counts decisions that are complete and whose window has passed. Not before: quick purchases would count ahead of
   * slow absences, and an arm whose share just rose would look better than it is.
   */
  settle(nowMs: number): void;
  statistics(query: ArmQuery): RewardStatistics;
  /** Windows of the given length on the platform's clock, oldest first. */
  windows(windowMs: number): readonly PerformanceWindow[];
  state(): RewardLedgerState;
}

const MAX_CLOSED = 50_000;
const MAX_OPEN = 50_000;

export function createRewardLedger(saved?: RewardLedgerState): RewardLedger {
  let closed: DecisionReward[] = [...(saved?.closed ?? [])];
  const open = new Map<string, OpenDecision>(saved?.open.map(([decision, entry]) => [decision, { ...entry }]));

  const finish = (decision: string, entry: OpenDecision): void => {
    open.delete(decision);
    closed.push({ atMs: entry.atMs, version: entry.version, variant: entry.variant, reward: entry.reward });
    if (closed.length > MAX_CLOSED * 1.25) closed = closed.slice(-MAX_CLOSED);
  };

  return {
    open: (decision, { rows, ...entry }) => {
      if (open.size >= MAX_OPEN) open.delete(open.keys().next().value!); // the oldest gives way
      if (rows > 0) open.set(decision, { ...entry, remaining: rows, reward: 0 });
    },
    close: (rows) => {
      for (const row of rows) {
        const entry = open.get(row.decisionId);
        if (entry === undefined) continue;
        entry.reward += row.value;
        entry.remaining -= 1;
      }
    },
    settle: (nowMs) => {
      for (const [decision, entry] of open) {
        if (entry.remaining === 0 && entry.settlesAtMs <= nowMs) finish(decision, entry);
      }
    },
    statistics: ({ version, variant, sinceMs = Number.NEGATIVE_INFINITY }) => {
      let n = 0, sum = 0, sumSquares = 0;
      for (const decision of closed) {
        if (decision.version !== version || decision.atMs < sinceMs || (variant !== undefined && decision.variant !== variant)) continue;
        n += 1;
        sum += decision.reward;
        sumSquares += decision.reward * decision.reward;
      }
      return { n, sum, sumSquares };
    },
    windows: (windowMs) => summarise(closed, open.values(), windowMs),
    state: () => ({ closed, open: [...open] }),
  };
}

function summarise(closed: readonly DecisionReward[], open: Iterable<OpenDecision>, windowMs: number): readonly PerformanceWindow[] {
  const windows = new Map<string, { atMs: number; version: number; variant: string; answers: number; sum: number; open: number }>();
  const windowOf = ({ atMs, version, variant }: Pick<DecisionReward, "atMs" | "version" | "variant">) => {
    const startMs = Math.floor(atMs / windowMs) * windowMs;
    const key = `${startMs}|${version}|${variant}`;
    const window = windows.get(key) ?? { atMs: startMs, version, variant, answers: 0, sum: 0, open: 0 };
    windows.set(key, window);
    return window;
  };
  for (const decision of closed) {
    const window = windowOf(decision);
    window.answers += 1;
    window.sum += decision.reward;
  }
  for (const decision of open) windowOf(decision).open += 1;
  return [...windows.values()].toSorted((a, b) => a.atMs - b.atMs || a.version - b.version).map(({ sum, open: waiting, ...window }) => ({
    ...window, meanReward: window.answers === 0 ? 0 : sum / window.answers, completeShare: window.answers / Math.max(1, window.answers + waiting),
  }));
}
