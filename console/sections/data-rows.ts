/** The data section's words and orders: pure. */
import { NO_VALUE, counted, formatBytes, formatCount, formatMilliseconds, formatShare } from "../format/numbers.ts";
import { MINUTE_MS, formatDuration } from "../format/times.ts";
import type { Tone } from "../loop/marks.ts";
import type { ColumnOverview, DataOverview, ExpectationsOverview, RuleOverview, StreamDataOverview } from "../../src/protocols/admin/overview.ts";

const ORDER: Readonly<Record<RuleOverview["status"], number>> = { failing: 0, waiting: 1, passing: 2, skipped: 3 };

/** What fails first, then in the order of the definition. */
export function orderedRules({ rules }: ExpectationsOverview): readonly RuleOverview[] {
  return rules.toSorted((a, b) => ORDER[a.status] - ORDER[b.status]);
}

export function toneOfRule({ status, action }: RuleOverview): Tone | "good" | "plain" {
  if (status === "failing") return action === "stop" ? "bad" : "warning";
  return status === "passing" ? "good" : "plain";
}

export interface Summary {
  readonly tone: Tone | "good" | "plain";
  readonly text: string;
}

export function summaryOf({ stopped, rules }: ExpectationsOverview): Summary {
  if (stopped !== undefined) return { tone: "bad", text: "stream stopped" };
  const failing = rules.filter(({ status }) => status === "failing").length;
  if (failing > 0) return { tone: "warning", text: `${counted(failing, "rule")} ${failing === 1 ? "fails" : "fail"}` };
  const passing = rules.filter(({ status }) => status === "passing").length;
  return passing === 0 ? { tone: "plain", text: "nothing judged yet" } : { tone: "good", text: passing === 1 ? "1 rule passes" : `${passing} rules pass` };
}

/** Failing rules and stopped streams, for the header. */
export function dataTroubles({ expectations }: DataOverview): number {
  return expectations.reduce((sum, { rules, stopped }) => sum + Math.max(Number(stopped !== undefined), rules.filter(({ status }) => status === "failing").length), 0);
}

/** "hot 3.1 MiB in 4 files". */
export function storageText({ tiers }: StreamDataOverview): string {
  return tiers.length === 0 ? NO_VALUE : tiers.map(({ tier, files, sizeBytes }) => `${tier} ${formatBytes(sizeBytes)} in ${counted(files, "file")}`).join(", ");
}

export function freshnessText({ freshnessMs }: StreamDataOverview): string {
  return freshnessMs === undefined ? NO_VALUE : `p50 ${spanText(freshnessMs.p50)}, p99 ${spanText(freshnessMs.p99)}`;
}

/** History that is imported is years old when it comes. */
function spanText(ms: number): string {
  return ms < MINUTE_MS ? formatMilliseconds(ms) : formatDuration(ms);
}

export function columnText({ missingShare, distinct }: ColumnOverview): string {
  return `${missingShare === 0 ? "none missing" : `${formatShare(missingShare)} missing`} · ${formatCount(distinct)} distinct`;
}

/** The distribution in words, for those who do not see it. */
export function distributionText({ name, kind, bars }: ColumnOverview): string {
  const largest = bars.toSorted((a, b) => b.count - a.count)[0];
  if (largest === undefined) return `${name}: no value`;
  return `${name}: ${kind === "numeric" ? "values are most often from" : "most frequent is"} ${largest.label}`;
}

export function sampleText({ place, values, deadLetterId }: RuleOverview["samples"][number]): string {
  const where = deadLetterId === undefined ? `offset ${place}` : `dead letter ${deadLetterId}`;
  return `${where}: ${Object.entries(values).map(([field, value]) => `${field} = ${value === null ? "missing" : JSON.stringify(value)}`).join(", ")}`;
}
