/** What a rule says about the events it judged: a status, the counts behind it, and one sentence for people. Pure. */
import { expressionText } from "../../define/index.ts";
import type { RuleAction, RuleKind, RuleNode, RuleTest, Severity } from "../../define/index.ts";
import { formatDuration } from "../../kernel/duration.ts";
import type { ColumnDrift } from "../../observe/index.ts";
import type { OffendingEvent } from "./offending-sample.ts";

/** waiting: too little was seen to judge. skipped: it cannot be judged here, and the sentence says why. */
export type VerdictStatus = "passing" | "failing" | "waiting" | "skipped";

export interface RuleVerdict {
  readonly expectations: string;
  readonly stream: string;
  readonly rule: string;
  readonly kind: RuleKind;
  readonly fields: readonly string[];
  readonly action: RuleAction;
  readonly severity: Severity;
  readonly because: string;
  readonly status: VerdictStatus;
  /** Events judged (windows, for a distribution). */
  readonly evaluated: number;
  readonly failed: number;
  /** Share of good ones; null when none was judged. */
  readonly share: number | null;
  readonly atLeast: number;
  /** End of what was judged, ms since the epoch; null before the first event. */
  readonly atMs: number | null;
  readonly sentence: string;
  readonly samples: readonly OffendingEvent[];
  readonly drift?: ColumnDrift;
}

/** The part of a verdict that is measured. */
export interface Measured {
  readonly evaluated: number;
  readonly failed: number;
}

/** "of the last hour", "of snapshot 3f9a…": what the events were taken from, to follow their number. */
export function windowPhrase(windowMs: number): string {
  const text = formatDuration(windowMs);
  const units: Readonly<Record<string, string>> = { "1h": "hour", "1d": "day", "1m": "minute", "1s": "second", "7d": "7 days" };
  return `of the last ${units[text] ?? text}`;
}

/** The status alone, for each batch of events. */
export function shareStatus(rule: RuleNode, { evaluated, failed }: Measured): VerdictStatus {
  if (evaluated < rule.minimumEvents) return "waiting";
  return (evaluated - failed) / evaluated >= rule.atLeast ? "passing" : "failing";
}

export function judgeShare(rule: RuleNode, { evaluated, failed }: Measured, scope: string): Pick<RuleVerdict, "status" | "share" | "sentence"> {
  const status = shareStatus(rule, { evaluated, failed });
  const share = evaluated === 0 ? null : (evaluated - failed) / evaluated;
  const events = `${formatNumber(evaluated)} ${evaluated === 1 ? "event" : "events"} ${scope}`;
  if (status === "waiting") {
    const needed = rule.minimumEvents === 1 ? "there is nothing to judge yet" : `${formatNumber(rule.minimumEvents)} are needed to judge`;
    return { status, share, sentence: `${events}: ${needed}.` };
  }
  const allowed = rule.atLeast === 1 ? "none may" : `at most ${percent(1 - rule.atLeast)} may`;
  if (failed === 0) return { status, share, sentence: `None of ${events} ${offence(rule.test, 1)}; ${allowed}.` };
  return { status, share, sentence: `${percent(failed / evaluated)} of ${events} (${formatNumber(failed)}) ${offence(rule.test, failed)}; ${allowed}.` };
}

/** What is wrong with an offending event, as the end of "3 % of 200 events …". */
export function offence(test: RuleTest, count: number): string {
  const has = count === 1 ? "has" : "have", does = count === 1 ? "does" : "do";
  switch (test.kind) {
    case "not-null": return `${has} no ${expressionText(test.value)}`;
    case "between": return `${has} ${expressionText(test.value)} ${boundsText(test)}`;
    case "one-of": return `${has} ${expressionText(test.value)} other than ${listText(test.values.map(String))}`;
    case "matches": return `${has} ${expressionText(test.value)} unlike /${test.source}/${test.flags}`;
    case "holds": return `${does} not satisfy ${expressionText(test.value)}`;
    case "unique": return `${count === 1 ? "repeats" : "repeat"} ${test.key.map(expressionText).join(" and ")} within ${formatDuration(test.withinMs)}`;
    case "refers-to": return `${count === 1 ? "names" : "name"} ${expressionText(test.value)} that stream ${test.stream} does not have`;
    case "sql": return `${count === 1 ? "is" : "are"} found by the query`;
    case "fresh": return `${count === 1 ? "is" : "are"} older than ${formatDuration(test.withinMs)}`;
    case "same-distribution": return `${has} ${expressionText(test.value)} distributed otherwise`;
  }
}

function boundsText({ min, max }: { readonly min?: number; readonly max?: number }): string {
  if (min === undefined) return `above ${boundText(max!)}`;
  return max === undefined ? `below ${boundText(min)}` : `outside ${boundText(min)} to ${boundText(max)}`;
}

function boundText(bound: number): string {
  return Number.isInteger(bound) ? formatNumber(bound) : String(bound);
}

const LISTED = 4;

function listText(values: readonly string[]): string {
  return values.length <= LISTED ? values.join(", ") : `${values.slice(0, LISTED - 1).join(", ")} and ${values.length - LISTED + 1} others`;
}

export function percent(share: number): string {
  const value = share * 100;
  if (value > 0 && value < 0.01) return "less than 0.01 %";
  return `${Number(value.toPrecision(value >= 99 ? 4 : value < 1 ? 2 : 3))} %`;
}

export function formatNumber(value: number): string {
  return value.toLocaleString("en-US");
}
