/** `strata features`: read features of entities; audit that online answers equal the offline join. */
import type { FeatureReadResult, FeatureServiceResult } from "../../platform/api.ts";
import { defineCommand } from "../command.ts";
import type { CommandContext } from "../command.ts";
import { parseFields } from "../request-argument.ts";
import { backfill, freshness, lineage, list, show } from "./features-catalogue.ts";
import { SERVER_OPTIONS, openApiClient } from "../server-options.ts";
import { formatCount, formatTime } from "../terminal/format.ts";

interface AuditReport {
  /** Values compared. */
  readonly checked: number;
  readonly mismatches: number;
  readonly rows: number;
  readonly answers: number;
  readonly examples?: readonly unknown[];
  /** Sampled reads of views and services. */
  readonly reads?: { readonly reads: number; readonly checked: number; readonly mismatches: number; readonly examples: readonly unknown[] };
}

const audit = defineCommand({
  name: "audit",
  summary: "Recompute logged answers offline and compare them bit by bit",
  description: "Takes the latest prediction events with their sampled rows and the offsets they were read at, recomputes every feature from the lake by the point-in-time join, and counts differing values. Exit status 1 when there is one.",
  options: {
    ...SERVER_OPTIONS,
    timeout: { type: "duration", default: "10m", description: "How long to wait for the result" },
    limit: { type: "number", integer: true, minimum: 1, maximum: 1_000_000, default: 10_000, description: "Most rows to check" },
  },
  examples: [{ command: "strata features audit --limit 50000", note: "check 50,000 scored rows" }],
  run: async ({ options, environment, signal, terminal }) => {
    await using client = openApiClient({ options, environment });
    return await terminal.step({ running: "recomputing logged answers", done: ({ rows }) => `recomputed ${formatCount(rows, "row")}` },
      () => client.post<AuditReport>("/v1/audit", { limit: options.limit }, { signal }));
  },
  exitCode: ({ mismatches, reads }) => (mismatches === 0 && (reads?.mismatches ?? 0) === 0 ? 0 : 1),
  render: ({ checked, rows, answers, mismatches, examples = [], reads }, { terminal }) => {
    terminal.print(`${formatCount(checked, "value")} of ${formatCount(rows, "row")} in ${formatCount(answers, "answer")} compared: ${formatCount(mismatches, "mismatch", "mismatches")}`);
    for (const example of examples.slice(0, EXAMPLES_SHOWN)) terminal.print(`  ${JSON.stringify(example)}`);
    if (reads !== undefined && reads.reads > 0) {
      terminal.print(`${formatCount(reads.checked, "value")} of ${formatCount(reads.reads, "sampled read")} compared: ${formatCount(reads.mismatches, "mismatch", "mismatches")}`);
      for (const example of reads.examples.slice(0, EXAMPLES_SHOWN)) terminal.print(`  ${JSON.stringify(example)}`);
    }
    if (checked === 0) terminal.warn("there are no sampled rows yet; ask an endpoint first");
  },
});

const EXAMPLES_SHOWN = 5;

export const command = defineCommand({
  name: "features",
  summary: "Read online features of an entity; find, follow and audit features",
  description: "Reads one row of a feature view, or of a feature service with --service, as the models see it now, or as of a past time within the kept window.",
  options: { ...SERVER_OPTIONS, at: { type: "string", placeholder: "time", description: "As of this time (ISO 8601) instead of now" }, service: { type: "boolean", description: "The name is that of a feature service" } },
  positionals: { view: { description: "Name of the feature view, or of the service" }, keys: { description: "Entity keys: customer=C1", multiple: true } },
  examples: [
    { command: "strata features customer_activity customer=C10001", note: "one customer" },
    { command: "strata features --service shopper customer=C10001 item=P10007", note: "all features of a service" },
    { command: "strata features affinity customer=C10001 item=P10007 --json", note: "a crossed view, for scripts" },
  ],
  subcommands: [list, show, lineage, freshness, backfill, audit],
  run: async (context) => {
    const { positionals: { view, keys }, options: { at, service }, signal, usageError } = context;
    const atMs = at === undefined ? undefined : Date.parse(at);
    if (Number.isNaN(atMs)) throw usageError(`--at needs a time such as 2026-01-31T12:00:00Z, not "${at}".`);
    const request = { keys: [parseFields(keys, usageError)], ...(atMs === undefined ? {} : { atMs }) };
    await using client = openApiClient(context);
    return await client.post<FeatureReadResult | FeatureServiceResult>(`/v1/${service ? "feature-services" : "features"}/${encodeURIComponent(view)}`, request, { signal });
  },
  render: renderFeatures,
});

/** A list in one line. */
function textOf(value: FeatureReadResult["rows"][number][number] | undefined): string | number | boolean | null | undefined {
  return typeof value === "object" && value !== null ? value.map((each) => each ?? "–").join(", ") : value;
}

export function renderFeatures({ features, rows: [row = []], atMs, ...position }: FeatureReadResult | FeatureServiceResult, { terminal }: Pick<CommandContext, "terminal">): void {
  terminal.pairs(features.map((feature, at) => [feature, textOf(row[at])] as const));
  const offsets = "offset" in position ? `offset ${position.offset}` : Object.entries(position.offsets).map(([stream, offset]) => `offset ${offset} of ${stream}`).join(", ");
  terminal.note(`as of ${formatTime(atMs)}, events before ${offsets} included`);
}
