/** Decisions and alerts as one timeline: pure. */
import { formatDay } from "../format/times.ts";
import type { BadgeProps } from "../parts.ts";
import type { DecisionOverview, Overview } from "../../src/protocols/admin/overview.ts";

export interface KindCount {
  readonly kind: string;
  readonly count: number;
}

export interface TimelineDay {
  readonly day: string;
  readonly entries: readonly DecisionOverview[];
}

/** Newest first; alerts are among the decisions, but may reach further back. */
export function timelineOf({ alerts, decisions }: Pick<Overview, "alerts" | "decisions">): readonly DecisionOverview[] {
  const key = ({ atMs, kind, subject, verdict, reason }: DecisionOverview): string => JSON.stringify([atMs, kind, subject, verdict, reason]);
  const known = new Set(decisions.map(key));
  return [...decisions, ...alerts.filter((alert) => !known.has(key(alert)))].toSorted((a, b) => b.atMs - a.atMs);
}

export function kindCounts(entries: readonly DecisionOverview[]): readonly KindCount[] {
  const counts = new Map<string, number>();
  for (const { kind } of entries) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  return [...counts].map(([kind, count]) => ({ kind, count })).toSorted((a, b) => a.kind.localeCompare(b.kind));
}

/** Entries are in order already. */
export function byDay(entries: readonly DecisionOverview[]): readonly TimelineDay[] {
  const days = new Map<string, DecisionOverview[]>();
  for (const entry of entries) {
    const day = formatDay(entry.atMs);
    days.set(day, [...(days.get(day) ?? []), entry]);
  }
  return [...days].map(([day, list]) => ({ day, entries: list }));
}

const GOOD = new Set(["passed", "promote", "champion", "settled", "applied"]);
const BAD = new Set(["failed", "reject", "rollback"]);
const NOTABLE = new Set(["blocked", "cancel", "cancelled"]);

/** Alerts always ask for a look; other verdicts by their word. */
export function toneOfVerdict({ kind, verdict }: Pick<DecisionOverview, "kind" | "verdict">): NonNullable<BadgeProps["tone"]> {
  if (BAD.has(verdict)) return "bad";
  if (kind === "alert" || NOTABLE.has(verdict)) return "warning";
  return GOOD.has(verdict) ? "good" : "info";
}
