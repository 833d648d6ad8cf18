/** `strata features`: read features of entities; audit that online answers equal the offline join. */
import type { FeatureReadResult } from "../../platform/api.ts";
import { defineCommand } from "../command.ts";
import { parseRequest } from "../request-argument.ts";
import { SERVER_OPTIONS, openApiClient } from "../server-options.ts";
import { formatNumber, formatTime } from "../terminal/format.ts";

interface AuditReport {
  readonly checked: number;
  readonly mismatches: number;
  readonly rows: number;
  readonly answers: number;
  readonly examples?: readonly unknown[];
}

const audit = defineCommand({
  name: "audit",
  summary: "Recompute logged answers offline and compare them bit by bit",
  description: "Takes the latest prediction events with their sampled rows and the offsets they were read at, recomputes every feature from the lake by the point-in-time join, and counts differing values. Exit status 1 when there is one.",
  options: { ...SERVER_OPTIONS, timeout: { type: "duration", default: "10m", description: "How long to wait for the result" }, limit: { type: "number", integer: true, minimum: 1, maximum: 1_000_000, default: 10_000, description: "Most rows to check" } },
  examples: [{ command: "strata features audit --limit 50000", note: "check 50,000 scored rows" }],
  run: async (context) => {
    await using client = openApiClient(context);
    return client.post<AuditReport>("/v1/audit", { limit: context.options.limit }, { signal: context.signal });
  },
  exitCode: ({ mismatches }) => (mismatches === 0 ? 0 : 1),
  render: (report, { terminal }) => {
    const text = `${formatNumber(report.checked)} values of ${formatNumber(report.rows)} rows in ${formatNumber(report.answers)} answers recomputed, ${formatNumber(report.mismatches)} mismatches`;
    if (report.mismatches === 0) terminal.success(text);
    else terminal.warn(text);
  },
});

export const command = defineCommand({
  name: "features",
  summary: "Read online features of an entity, or audit them against the offline join",
  description: "Reads one row of a feature view as the models see it now, or as of a past time within the kept window.",
  options: { ...SERVER_OPTIONS, at: { type: "string", placeholder: "time", description: "As of this time (ISO 8601) instead of now" } },
  positionals: { view: { description: "Name of the feature view" }, keys: { description: "Entity keys: customer=C1", multiple: true } },
  examples: [
    { command: "strata features customer_activity customer=C10001", note: "one customer" },
    { command: "strata features affinity customer=C10001 item=P10007 --json", note: "a crossed view" },
  ],
  subcommands: [audit],
  run: async (context) => {
    const { view, keys } = context.positionals;
    const atMs = context.options.at === undefined ? undefined : Date.parse(context.options.at);
    if (Number.isNaN(atMs)) throw context.usageError(`"${context.options.at}" is not a time.`);
    const key = Object.fromEntries(Object.entries(parseRequest(keys, context.usageError)).map(([name, value]) => [name, String(value)]));
    await using client = openApiClient(context);
    return client.post<FeatureReadResult>(`/v1/features/${encodeURIComponent(view)}`, { keys: [key], ...(atMs === undefined ? {} : { atMs }) }, { signal: context.signal });
  },
  render: (result, { terminal }) => {
    terminal.pairs([["as of", formatTime(result.atMs)], ["log offset", formatNumber(result.offset)]]);
    terminal.pairs(result.features.map((feature, at) => [feature, result.rows[0]?.[at] ?? "missing"] as const));
  },
});
