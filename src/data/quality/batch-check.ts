/** Expectations over a batch of events: a snapshot of the lake, a file, a request. The rules are judged by the same code as in the stream. */
import type { Expectations, RuleNode, RuleTest } from "../../define/index.ts";
import type { Row } from "./event-test.ts";
import { createRuleMonitor, describeRule } from "./rule-monitor.ts";
import type { RuleMonitor } from "./rule-monitor.ts";
import { judgeShare } from "./verdict.ts";
import type { RuleVerdict } from "./verdict.ts";
import type { OffendingEvent } from "./offending-sample.ts";

export interface BatchCheck {
  /** Takes the next event; `place` is its offset or line. */
  take(row: Row, timeMs: number, place: number): void;
  readonly rows: number;
  /** One verdict per rule, in the order of the definition. */
  finish(nowMs: number): readonly RuleVerdict[];
}

export interface BatchCheckOptions {
  /** Follows the number of events in sentences: "of snapshot 3f9a…". */
  readonly scope: string;
  /** Hashed values of another stream's field; undefined where that stream is not at hand. */
  readonly references: (test: Extract<RuleTest, { kind: "refers-to" }>) => ReadonlySet<number> | undefined;
  /** What the query of a rule found; undefined where there is nothing to ask. */
  readonly queries: (rule: string) => { readonly failed: number; readonly samples: readonly OffendingEvent[] } | undefined;
  /** Whether freshness by the clock makes sense. */
  readonly judgesFreshness: boolean;
  /** Only these rules. Default: all. */
  readonly only?: (node: RuleNode) => boolean;
}

type Rules = Pick<Expectations, "name" | "of" | "windowMs" | "rules">;
const NO_KEYS: ReadonlySet<number> = new Set();

export function createBatchCheck(expectations: Rules, options: BatchCheckOptions): BatchCheck {
  const { scope, only = () => true } = options;
  const context = { expectations, scope, references: (test: Extract<RuleTest, { kind: "refers-to" }>) => options.references(test) ?? NO_KEYS };
  const judged = Object.entries(expectations.rules).filter(([, node]) => only(node)).map(([rule, node]) => {
    const obstacle = obstacleOf(node.test, options);
    return { rule, node, obstacle, monitor: obstacle === undefined && node.test.kind !== "sql" ? createRuleMonitor(rule, node, context) : undefined };
  });
  const monitors: readonly RuleMonitor[] = judged.flatMap(({ monitor }) => monitor ?? []);
  let rows = 0;

  const verdictOf = ({ rule, node, obstacle, monitor }: (typeof judged)[number], nowMs: number): RuleVerdict => {
    if (monitor !== undefined) return monitor.verdict(nowMs);
    const described = { ...describeRule(expectations, rule, node), atMs: nowMs };
    if (obstacle !== undefined) return { ...described, status: "skipped", evaluated: 0, failed: 0, share: null, samples: [], sentence: obstacle };
    const { failed, samples } = options.queries(rule)!; // else it had an obstacle
    const measured = { evaluated: rows, failed: Math.min(failed, rows) }; // a query may give more rows than there are events
    return { ...described, ...measured, ...judgeShare(node, measured, scope), samples };
  };

  return {
    get rows() { return rows; },
    take: (row, timeMs, place) => {
      rows += 1;
      const event = { row, offset: place, timeMs, knownAtMs: Number.isFinite(timeMs) ? timeMs : 0 };
      for (const monitor of monitors) monitor.take(event);
    },
    finish: (nowMs) => judged.map((part) => verdictOf(part, nowMs)),
  };
}

function obstacleOf(test: RuleTest, { references, judgesFreshness }: BatchCheckOptions): string | undefined {
  if (test.kind === "refers-to" && references(test) === undefined) return `Not judged here: it needs the events of stream ${test.stream}.`;
  if (test.kind === "fresh" && !judgesFreshness) return "Not judged here: freshness goes by the clock of the running stream.";
  return undefined;
}

/** Rules that fail, worst action first. */
export function failuresOf(verdicts: readonly RuleVerdict[]): readonly RuleVerdict[] {
  const rank = { stop: 0, quarantine: 1, warn: 2 } as const;
  return verdicts.filter(({ status }) => status === "failing").toSorted((a, b) => rank[a.action] - rank[b.action]);
}
