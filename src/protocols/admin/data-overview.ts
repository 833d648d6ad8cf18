/** The part of the overview that is about data: how rules stand, what is stored where, how fresh features are, the latest profiles. */
export interface DataOverview {
  readonly streams: readonly StreamDataOverview[];
  readonly expectations: readonly ExpectationsOverview[];
  /** Profiles made since the start. */
  readonly profiles: readonly ProfileOverview[];
}

export interface StreamDataOverview {
  readonly stream: string;
  /** Events that the lake does not have yet. */
  readonly waitingRows: number;
  /** Files and bytes of the lake by tier. */
  readonly tiers: readonly { readonly tier: string; readonly files: number; readonly sizeBytes: number }[];
  /** From an event's time until features show it, over the last minute; absent when none came. */
  readonly freshnessMs?: { readonly p50: number; readonly p99: number };
}

export interface ExpectationsOverview {
  readonly name: string;
  readonly description: string;
  readonly stream: string;
  /** Why the stream takes nothing; absent while it does. */
  readonly stopped?: { readonly atMs: number; readonly rule: string; readonly reason: string };
  readonly rules: readonly RuleOverview[];
}

export interface RuleOverview {
  readonly rule: string;
  readonly action: "warn" | "quarantine" | "stop";
  readonly status: "passing" | "failing" | "waiting" | "skipped";
  readonly sentence: string;
  readonly because: string;
  /** Shares of bad events at past verdicts, oldest first; for distributions, the effect in multiples of its threshold. */
  readonly trend: readonly number[];
  /** A few of the sampled offending events. */
  readonly samples: readonly { readonly place: number; readonly values: Readonly<Record<string, unknown>>; readonly deadLetterId?: string }[];
}

export interface ProfileOverview {
  readonly stream: string;
  readonly rows: number;
  readonly columns: readonly ColumnOverview[];
}

export interface ColumnOverview {
  readonly name: string;
  readonly kind: "numeric" | "categorical";
  readonly missingShare: number;
  readonly distinct: number;
  /** A histogram of numbers, or the most frequent values. */
  readonly bars: readonly { readonly label: string; readonly count: number }[];
}
