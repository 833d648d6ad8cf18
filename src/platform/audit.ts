/**
 * The proof in production that online equals offline: takes the latest stored answers, recomputes every sampled row
 * from the lake as of the offsets it was read at, and counts values that differ in any bit.
 */
import { auditVectors, recomputeVectors } from "../data/index.ts";
import type { AuditReport, EventDecoder, Lake, LakeSnapshot } from "../data/index.ts";
import type { Application } from "../define/index.ts";
import type { EventLog } from "../ports/event-log.ts";
import { PREDICTIONS_LOG } from "../serving/index.ts";
import type { PredictionEvent, ServableVersion } from "../serving/index.ts";

export interface AnswerAudit {
  readonly answers: number;
  /** Scored rows recomputed. */
  readonly rows: number;
  /** Values compared. */
  readonly checked: number;
  /** Values that differ. */
  readonly mismatches: number;
  /** Answers that could not be checked: their version, endpoint or events are gone. */
  readonly skipped: number;
  readonly examples: AuditReport["examples"];
}

export interface AuditParts {
  readonly application: Application;
  readonly log: EventLog;
  readonly decoder: EventDecoder;
  readonly lake: Lake;
  readonly servable: (model: string, version: number) => Promise<ServableVersion>;
}

export interface AuditOptions {
  /** Most rows to check. */
  readonly limit: number;
  readonly signal: AbortSignal | undefined;
}

const MAX_EXAMPLES = 20;

export async function auditAnswers(parts: AuditParts, { limit, signal }: AuditOptions): Promise<AnswerAudit> {
  const events = await latestAnswers(parts, limit);
  await parts.lake.flush(undefined, signal ? { signal } : {});
  using held = await parts.lake.hold();
  const { snapshot } = held;
  let total: AnswerAudit = { answers: 0, rows: 0, checked: 0, mismatches: 0, skipped: 0, examples: [] };
  for (const group of Map.groupBy(events, (event) => `${event.endpoint}|${event.version}`).values()) {
    total = add(total, await auditGroup(parts, group, { snapshot, signal }));
  }
  return total;
}

/** Answers with sampled rows, the newest, up to `limit` rows in all. */
async function latestAnswers({ log, decoder }: AuditParts, limit: number): Promise<readonly PredictionEvent[]> {
  const { oldestOffset, nextOffset } = log.statistics(PREDICTIONS_LOG);
  let events: PredictionEvent[] = [];
  for await (const batch of log.read(PREDICTIONS_LOG, { from: { offset: Math.max(oldestOffset, nextOffset - limit) } })) {
    for (const row of decoder.decode(PREDICTIONS_LOG, batch).rows) {
      const event = row as unknown as PredictionEvent; // written by the endpoint service
      if (event.sample.length > 0) events.push(event);
    }
  }
  let rows = 0;
  events = events.toReversed();
  const end = events.findIndex((event) => (rows += event.sample.length) > limit);
  return (end < 0 ? events : events.slice(0, end)).toReversed();
}

interface GroupContext {
  readonly snapshot: LakeSnapshot;
  readonly signal: AbortSignal | undefined;
}

/** Answers of one endpoint by one version: they share the model's columns and categories. */
async function auditGroup(parts: AuditParts, events: readonly PredictionEvent[], { snapshot, signal }: GroupContext): Promise<AnswerAudit> {
  const { endpoint: name, model, version } = events[0]!;
  const endpoint = parts.application.endpoints.get(name);
  const servable = await parts.servable(model, version).catch(() => undefined);
  if (endpoint === undefined || servable === undefined) return { answers: 0, rows: 0, checked: 0, mismatches: 0, skipped: events.length, examples: [] };
  const vectors = await recomputeVectors({
    model: endpoint.model, lake: parts.lake, snapshot, categories: servable.categories, ...(signal ? { signal } : {}),
    requests: events.map(({ sample, atMs, offsets, candidateOffsets, seedItems, similarItems }) => ({
      keys: sample.map((row) => row.keys), atMs, offsets, candidates: endpoint.candidates?.name, candidateOffsets, seedItems, similarItems,
    })),
  });
  const pairs = events.flatMap((event, at) => (vectors[at] === undefined ? [] : [{ event, vector: vectors[at] }]));
  return { ...compare(servable.columns, pairs), skipped: events.length - pairs.length };
}

interface Pair {
  readonly event: PredictionEvent;
  readonly vector: Float64Array;
}

function compare(columns: readonly string[], pairs: readonly Pair[]): Omit<AnswerAudit, "skipped"> {
  const names = pairs.flatMap(({ event }) => event.sample.map((row) => `${event.decision} ${Object.values(row.keys).join("×")}`));
  const served = Float64Array.from(pairs.flatMap(({ event }) => event.sample.flatMap((row) => row.features.map((value) => value ?? Number.NaN))));
  const recomputed = new Float64Array(served.length);
  let at = 0;
  for (const { vector } of pairs) {
    recomputed.set(vector, at);
    at += vector.length;
  }
  const shape = { rows: names.length, columns: columns.length };
  const report = auditVectors({ columns, served: { values: served, ...shape }, recomputed: { values: recomputed, ...shape }, nameOf: (row) => names[row]!, maxExamples: MAX_EXAMPLES });
  const mismatches = report.perColumn.reduce((sum, column) => sum + column.mismatches, 0);
  return { answers: pairs.length, rows: names.length, checked: served.length, mismatches, examples: report.examples };
}

function add(a: AnswerAudit, b: AnswerAudit): AnswerAudit {
  return {
    answers: a.answers + b.answers, rows: a.rows + b.rows, checked: a.checked + b.checked, mismatches: a.mismatches + b.mismatches,
    skipped: a.skipped + b.skipped, examples: [...a.examples, ...b.examples].slice(0, MAX_EXAMPLES),
  };
}
