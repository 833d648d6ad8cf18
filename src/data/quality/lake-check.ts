/** Expectations over a snapshot of the lake, file by file, so that memory does not grow with the lake. */
import { fieldsOf, ruleFields } from "../../define/index.ts";
import type { Expectations, RuleNode } from "../../define/index.ts";
import { StrataError } from "../../kernel/errors.ts";
import type { Analytics, Column } from "../../ports/analytics.ts";
import type { EventColumns } from "../lake/event-columns.ts";
import type { Lake } from "../lake/lake.ts";
import { OFFSET_COLUMN, TIME_COLUMN } from "../lake/lake-file.ts";
import type { LakeSnapshot } from "../lake/snapshot.ts";
import { streamOf } from "../lake/snapshot.ts";
import { createBatchCheck } from "./batch-check.ts";
import { compileReferenceKey } from "./event-judge.ts";
import type { Row } from "./event-test.ts";
import { referenceName } from "./reference-follower.ts";
import { createSqlRules } from "./sql-rules.ts";
import type { RuleVerdict } from "./verdict.ts";

export interface LakeCheckOptions {
  readonly lake: Pick<Lake, "readEvents">;
  readonly analytics: Analytics;
  /** For the files of queries. */
  readonly temporaryFolder: string;
  readonly snapshot: LakeSnapshot;
  readonly nowMs: number;
  /** Only events from this offset on. */
  readonly fromOffset?: number;
  readonly only?: (node: RuleNode) => boolean;
  readonly onProgress?: (share: number) => void;
  readonly signal?: AbortSignal | undefined;
}

export interface LakeCheckReport {
  readonly expectations: string;
  readonly stream: string;
  readonly snapshot: string;
  readonly fromOffset: number;
  readonly endOffset: number;
  readonly rows: number;
  readonly verdicts: readonly RuleVerdict[];
}

export async function checkLake(expectations: Expectations, options: LakeCheckOptions): Promise<LakeCheckReport> {
  const { snapshot, nowMs, fromOffset = 0, only = () => true, onProgress } = options;
  const stream = expectations.of.name;
  const rules = Object.fromEntries(Object.entries(expectations.rules).filter(([, node]) => only(node)));
  const references = await readReferences(rules, options);
  const hasQuery = Object.values(rules).some(({ test }) => test.kind === "sql");
  const { id, time } = expectations.of;
  const fields = hasQuery ? Object.keys(expectations.of.schema.shape) : [...new Set([...Object.values(rules).flatMap(ruleFields), ...[id, time].filter((field) => field !== undefined)])];
  await using queries = createSqlRules(rules, { analytics: options.analytics, folder: options.temporaryFolder, signal: options.signal });
  let found: Awaited<ReturnType<typeof queries.ask>> = new Map();
  const check = createBatchCheck({ ...expectations, rules }, {
    scope: fromOffset === 0 ? `of snapshot ${snapshot.id.slice(0, 12)}` : `of snapshot ${snapshot.id.slice(0, 12)} from offset ${fromOffset} on`,
    references: (test) => references.get(referenceName(test)), queries: (rule) => found.get(rule), judgesFreshness: true,
  });
  for await (const events of readFiles(stream, fields, options)) {
    const readRow = compileRowReader(events);
    let first = 0;
    while (first < events.rows && events.offsets[first]! < fromOffset) first++;
    for (let at = first; at < events.rows; at++) check.take(readRow(at), events.timesMs[at]!, events.offsets[at]!);
    if (hasQuery) await queries.add(tableOf(events, first));
  }
  found = await queries.ask();
  onProgress?.(1);
  return { expectations: expectations.name, stream, snapshot: snapshot.id, fromOffset, endOffset: streamOf(snapshot, stream).endOffset, rows: check.rows, verdicts: check.finish(nowMs) };
}

/** A stream's events, one file of the snapshot after the other. */
export async function* readFiles(stream: string, fields: readonly string[], { lake, snapshot, fromOffset = 0, onProgress, signal }: Pick<LakeCheckOptions, "lake" | "snapshot" | "fromOffset" | "onProgress" | "signal">): AsyncGenerator<EventColumns> {
  const part = streamOf(snapshot, stream);
  const files = part.files.filter(({ toOffset }) => toOffset > fromOffset);
  for (const [at, file] of files.entries()) {
    if (signal?.aborted === true) throw new StrataError("ABORTED", { what: "The check" });
    onProgress?.(at / files.length);
    const only: LakeSnapshot = { ...snapshot, streams: { [stream]: { ...part, files: [file], rows: file.rows } } };
    yield lake.readEvents(stream, { snapshot: only, fields, ...(signal === undefined ? {} : { signal }) });
  }
}

/** Reads row after row as objects; the same object each time would be quicker, but samples and keys hold on to what they get. */
export function compileRowReader({ columns }: EventColumns): (at: number) => Row {
  const readers = Object.entries(columns).map(([field, column]) => [field, valueReader(column)] as const);
  return (at) => {
    const row: Record<string, unknown> = {};
    for (const [field, read] of readers) {
      const value = read(at);
      if (value !== undefined) row[field] = value;
    }
    return row;
  };
}

function valueReader(column: Column): (at: number) => number | string | boolean | undefined {
  switch (column.kind) {
    case "number": return (at) => (Number.isNaN(column.values[at]!) ? undefined : column.values[at]);
    case "text": return (at) => column.dictionary[column.codes[at]!];
    case "boolean": return (at) => (column.values[at]! < 0 ? undefined : column.values[at] === 1);
  }
}

function tableOf({ rows, offsets, timesMs, columns }: EventColumns, from: number): { readonly rows: number; readonly columns: Readonly<Record<string, Column>> } {
  const all: Readonly<Record<string, Column>> = { ...columns, [OFFSET_COLUMN]: { kind: "number", values: offsets }, [TIME_COLUMN]: { kind: "number", values: timesMs } };
  return { rows: rows - from, columns: Object.fromEntries(Object.entries(all).map(([name, column]) => [name, from === 0 ? column : sliceColumn(column, from)])) };
}

function sliceColumn(column: Column, from: number): Column {
  switch (column.kind) {
    case "number": return { kind: "number", values: column.values.subarray(from) };
    case "boolean": return { kind: "boolean", values: column.values.subarray(from) };
    case "text": return { kind: "text", codes: column.codes.subarray(from), dictionary: column.dictionary };
  }
}

/** Every value that the snapshot has of the fields that rules refer to. */
async function readReferences(rules: Readonly<Record<string, RuleNode>>, options: LakeCheckOptions): Promise<ReadonlyMap<string, ReadonlySet<number>>> {
  const references = new Map<string, ReadonlySet<number>>();
  for (const { test } of Object.values(rules)) {
    if (test.kind !== "refers-to" || references.has(referenceName(test))) continue;
    const keyOf = compileReferenceKey(test);
    const keys = new Set<number>();
    for await (const events of readFiles(test.stream, [...fieldsOf(test.by)], { lake: options.lake, snapshot: options.snapshot, signal: options.signal })) {
      const readRow = compileRowReader(events);
      for (let at = 0; at < events.rows; at++) {
        const key = keyOf(readRow(at), events.timesMs[at]!);
        if (key !== undefined) keys.add(key);
      }
    }
    references.set(referenceName(test), keys);
  }
  return references;
}
