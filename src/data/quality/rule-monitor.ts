/**
 * One rule over the live stream: takes event after event, and says at any moment how it stands. Its state is plain
 * JSON and belongs to the offset up to which it has taken events.
 */
import { compileExpression, expressionText, ruleFields } from "../../define/index.ts";
import type { Expectations, RuleNode, RuleTest } from "../../define/index.ts";
import { formatDuration } from "../../kernel/duration.ts";
import { createDistributionWatch } from "./distribution-watch.ts";
import type { DistributionState } from "./distribution-watch.ts";
import { createEventJudge } from "./event-judge.ts";
import type { ReferenceKeys } from "./event-judge.ts";
import type { Outcome, Row } from "./event-test.ts";
import { createOffendingSample, describeOffender } from "./offending-sample.ts";
import type { OffendingEvent, SampledEvent } from "./offending-sample.ts";
import type { SeenKeysState } from "./seen-keys.ts";
import { createShareWindow } from "./share-window.ts";
import type { ShareWindowState } from "./share-window.ts";
import { formatNumber, judgeShare, shareStatus, windowPhrase } from "./verdict.ts";
import type { RuleVerdict, VerdictStatus } from "./verdict.ts";

/** An event with its place and times, ms since the epoch. */
export interface Judged {
  readonly row: Row;
  readonly offset: number;
  readonly timeMs: number;
  /** When it became known: the time of its window. */
  readonly knownAtMs: number;
}

export interface RuleMonitor {
  readonly rule: string;
  readonly node: RuleNode;
  take(event: Judged): Outcome | undefined;
  /** Counts an event that was kept out of the stream because of this rule. */
  takeQuarantined(event: Judged & { readonly deadLetterId: string }): void;
  /** Verdicts of windows that were completed since the last call, beside the one that `verdict` gives. */
  completed(): readonly RuleVerdict[];
  verdict(nowMs: number): RuleVerdict;
  /** The verdict's status, for a fraction of its cost. */
  status(nowMs: number): VerdictStatus;
  /** Forgets what was counted, so that it is judged anew; what keys were seen and how values were distributed stays known. */
  reset(): void;
  state(): RuleState;
}

export interface RuleState {
  readonly shares?: ShareWindowState;
  readonly seen?: SeenKeysState | undefined;
  readonly samples?: readonly SampledEvent[];
  readonly distribution?: DistributionState;
  readonly windows?: WindowTally;
  readonly newestMs?: number;
}

interface WindowTally {
  readonly windows: number;
  readonly drifted: number;
  readonly latest: RuleVerdict | null;
}

export interface MonitorContext {
  readonly expectations: Pick<Expectations, "name" | "of" | "windowMs">;
  readonly references: ReferenceKeys;
  /** Judge all events together instead of those of a window; the words that follow their number ("of orders.csv"). */
  readonly scope?: string | undefined;
}

const SAMPLED = 20;

export function createRuleMonitor(rule: string, node: RuleNode, context: MonitorContext, saved: RuleState = {}): RuleMonitor {
  const { test } = node;
  if (test.kind === "same-distribution") return monitorDistribution({ rule, node, test, context, saved });
  if (test.kind === "fresh") return monitorFreshness({ rule, node, test, context, saved });
  return monitorShares({ rule, node, test, context, saved });
}

interface Parts<Test extends RuleTest = RuleTest> {
  readonly rule: string;
  readonly node: RuleNode;
  readonly test: Test;
  readonly context: MonitorContext;
  readonly saved: RuleState;
}

/** The part of a verdict that says which rule it is of. */
export function describeRule(expectations: Pick<Expectations, "name" | "of">, rule: string, node: RuleNode): Pick<RuleVerdict, "expectations" | "stream" | "rule" | "kind" | "fields" | "action" | "severity" | "because" | "atLeast"> {
  const { action, severity, because, atLeast } = node;
  return { expectations: expectations.name, stream: expectations.of.name, rule, kind: node.test.kind, fields: ruleFields(node), action, severity, because, atLeast };
}

function monitorShares({ rule, node, test, context: { expectations, references, scope }, saved }: Parts): RuleMonitor {
  const judge = createEventJudge(test, references, saved.seen);
  const windowMs = scope === undefined ? node.windowMs ?? expectations.windowMs : Infinity;
  const shares = createShareWindow(windowMs, saved.shares);
  const samples = createOffendingSample(`${expectations.name}.${rule}`, SAMPLED, saved.samples);
  const described = describeRule(expectations, rule, node);
  const isBatchOnly = judge === undefined;
  const sample = (offset: number, knownAtMs: number, describe: () => Omit<OffendingEvent, "place">): void => {
    samples.expire(knownAtMs - windowMs);
    samples.add(offset, knownAtMs, describe);
  };
  return {
    rule, node,
    take: ({ row, offset, timeMs, knownAtMs }) => {
      const outcome = judge?.judge(row, timeMs);
      if (outcome === undefined || outcome === "unjudged") return outcome;
      shares.add(knownAtMs, outcome === "bad");
      if (outcome === "bad") sample(offset, knownAtMs, () => describeOffender(row, timeMs, described.fields));
      return outcome;
    },
    takeQuarantined: ({ row, offset, timeMs, knownAtMs, deadLetterId }) => {
      shares.add(knownAtMs, true);
      sample(offset, knownAtMs, () => ({ ...describeOffender(row, timeMs, described.fields), deadLetterId }));
    },
    completed: () => [],
    verdict: (nowMs) => {
      samples.expire(nowMs - windowMs);
      const counts = shares.counts();
      const judged = isBatchOnly
        ? { status: "skipped" as const, share: null, sentence: "A query is judged over the lake: by `strata quality check`, and before a training." }
        : judgeShare(node, counts, scope ?? windowPhrase(windowMs));
      const sentence = judged.sentence + (judge?.blindness?.() ?? "");
      return { ...described, ...counts, ...judged, sentence, atMs: counts.evaluated === 0 ? null : nowMs, samples: samples.events() };
    },
    status: () => (isBatchOnly ? "skipped" : shareStatus(node, shares.counts())),
    reset: () => {
      shares.clear();
      samples.clear();
    },
    state: () => ({ shares: shares.state(), seen: judge?.state(), samples: samples.state() }),
  };
}

function monitorDistribution({ rule, node, test, context: { expectations, scope }, saved }: Parts<Extract<RuleTest, { kind: "same-distribution" }>>): RuleMonitor {
  const evaluate = compileExpression(test.value);
  const name = expressionText(test.value);
  const watch = createDistributionWatch(name, test, saved.distribution);
  const described = describeRule(expectations, rule, node);
  let tally: WindowTally = saved.windows ?? { windows: 0, drifted: 0, latest: null };
  let finished: RuleVerdict[] = [];
  return {
    rule, node,
    take: ({ row, timeMs, knownAtMs, offset }) => {
      const drift = watch.take(evaluate(row, timeMs));
      if (drift === undefined) return undefined;
      const isDrifted = drift.status === "drifted";
      tally = { ...tally, windows: tally.windows + 1, drifted: tally.drifted + Number(isDrifted) };
      const latest: RuleVerdict = {
        ...described, status: isDrifted ? "failing" : "passing", evaluated: tally.windows, failed: tally.drifted, share: 1 - tally.drifted / tally.windows, atMs: knownAtMs, samples: [], drift,
        sentence: `The ${formatNumber(test.window)} events up to ${scope === undefined ? "offset" : "place"} ${formatNumber(offset)}, compared with ${test.against === "first" ? "the first" : "the"} ${formatNumber(tally.windows === 1 || test.against === "first" ? test.reference : test.window)}${test.against === "first" ? "" : " before"}: ${drift.reason}`,
      };
      tally = { ...tally, latest };
      finished.push(latest);
      return isDrifted ? "bad" : "good";
    },
    takeQuarantined: () => undefined,
    completed: () => finished.splice(0),
    verdict: () => tally.latest ?? {
      ...described, status: "waiting", evaluated: 0, failed: 0, share: null, atMs: null, samples: [],
      sentence: `${formatNumber(watch.missingEvents())} more events are needed: ${formatNumber(test.reference)} as the reference, then ${formatNumber(test.window)} to compare with it.`,
    },
    status: () => tally.latest?.status ?? "waiting",
    reset: () => {
      tally = { windows: 0, drifted: 0, latest: null };
      finished = [];
    },
    state: () => ({ distribution: watch.state(), windows: tally }),
  };
}

function monitorFreshness({ rule, node, test, context: { expectations }, saved }: Parts<Extract<RuleTest, { kind: "fresh" }>>): RuleMonitor {
  const described = describeRule(expectations, rule, node);
  let newestMs = saved.newestMs;
  return {
    rule, node,
    take: ({ timeMs }) => {
      newestMs = Math.max(newestMs ?? timeMs, timeMs);
      return undefined;
    },
    takeQuarantined: () => undefined,
    completed: () => [],
    verdict: (nowMs) => {
      if (newestMs === undefined) return { ...described, status: "waiting", evaluated: 0, failed: 0, share: null, atMs: null, samples: [], sentence: "No event has come yet." };
      const ageMs = Math.max(0, nowMs - newestMs);
      const isFresh = ageMs <= test.withinMs;
      return {
        ...described, status: isFresh ? "passing" : "failing", evaluated: 1, failed: Number(!isFresh), share: Number(isFresh), atMs: nowMs, samples: [],
        sentence: `The newest event is ${ageMs === 0 ? "of this moment" : `${formatDuration(ageMs)} old`}; at most ${formatDuration(test.withinMs)} is allowed.`,
      };
    },
    status: (nowMs) => (newestMs === undefined ? "waiting" : nowMs - newestMs <= test.withinMs ? "passing" : "failing"),
    reset: () => undefined,
    state: () => (newestMs === undefined ? {} : { newestMs }),
  };
}
