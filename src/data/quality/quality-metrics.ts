/** The meters of data quality; labels are made once per rule. */
import type { Labels, Meter } from "../../ports/telemetry.ts";
import type { RuleVerdict, VerdictStatus } from "./verdict.ts";

export interface QualityMetrics {
  /** Counts what a batch brought to a rule. */
  judged(rule: Labels, good: number, bad: number): void;
  verdict(rule: Labels, verdict: Pick<RuleVerdict, "status" | "share">): void;
  status(rule: Labels, status: VerdictStatus): void;
  seconds(duration: number, expectations: Labels): void;
  stopped(stream: string, isStopped: boolean): void;
}

export function createQualityMetrics(meter: Meter): QualityMetrics {
  const events = meter.counter("strata_quality_events_total", "Events that a rule of data quality judged, by result: good or bad.");
  const share = meter.gauge("strata_quality_good_share", "Share of good events in the rule's window, 0 to 1.");
  const failing = meter.gauge("strata_quality_failing", "1 while the rule fails.");
  const stopped = meter.gauge("strata_quality_stopped", "1 while the stream takes nothing because a rule failed.");
  const seconds = meter.histogram("strata_quality_batch_seconds", "Time to judge a batch of events by all rules of one set.");
  const results = new WeakMap<Labels, { readonly good: Labels; readonly bad: Labels }>();
  const labelsOf = (rule: Labels): { readonly good: Labels; readonly bad: Labels } => {
    const known = results.get(rule) ?? { good: { ...rule, result: "good" }, bad: { ...rule, result: "bad" } };
    results.set(rule, known);
    return known;
  };
  const setFailing = (rule: Labels, status: VerdictStatus): void => failing.set(Number(status === "failing"), rule);
  return {
    judged: (rule, good, bad) => {
      if (good > 0) events.add(good, labelsOf(rule).good);
      if (bad > 0) events.add(bad, labelsOf(rule).bad);
    },
    status: setFailing,
    verdict: (rule, verdict) => {
      setFailing(rule, verdict.status);
      if (verdict.share !== null) share.set(verdict.share, rule);
    },
    seconds: (duration, labels) => seconds.record(duration, labels),
    stopped: (stream, isStopped) => stopped.set(Number(isStopped), { stream }),
  };
}
