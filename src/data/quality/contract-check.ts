/** A producer's events against a contract, event by event: first the schema, then the expectations over those it accepts. */
import type { Problem } from "../../kernel/errors.ts";
import type { Analytics } from "../../ports/analytics.ts";
import { compileRowCheck, isRefusal } from "../ingestion/row-check.ts";
import { createColumnBuilder } from "../lake/column-builder.ts";
import { fieldKinds } from "../lake/field-kind.ts";
import { OFFSET_COLUMN, TIME_COLUMN } from "../lake/lake-file.ts";
import { createBatchCheck, failuresOf } from "./batch-check.ts";
import type { ReadContract } from "./contract.ts";
import type { Row } from "./event-test.ts";
import { createSqlRules } from "./sql-rules.ts";
import type { RuleVerdict } from "./verdict.ts";

export interface ContractEvent {
  readonly value: unknown;
  /** Line of the file, or number of the event, from 1. */
  readonly place: number;
}

export interface ContractReport {
  readonly stream: string;
  readonly events: number;
  /** Events that the schema refuses. */
  readonly refused: number;
  /** Refusals by reason, most frequent first. */
  readonly reasons: Readonly<Record<string, number>>;
  /** The first of them. */
  readonly refusals: readonly { readonly place: number; readonly problems: readonly Problem[] }[];
  readonly verdicts: readonly RuleVerdict[];
  /** Nothing was refused, and no rule fails that quarantines or stops. */
  readonly kept: boolean;
}

export interface ContractCheckOptions {
  /** What the events come from: "orders.csv". */
  readonly source: string;
  /** Where rules that are queries are asked; without it they are skipped. */
  readonly queries?: { readonly analytics: Analytics; readonly folder: string } | undefined;
  readonly nowMs: number;
  readonly onProgress?: (events: number) => void;
  readonly signal?: AbortSignal | undefined;
}

const REFUSALS_SHOWN = 20;
/** Rows held as columns for queries before they go into a file. */
const ROWS_PER_TABLE = 100_000;

export async function checkContract({ stream, expectations }: ReadContract, batches: AsyncIterable<readonly ContractEvent[]>, options: ContractCheckOptions): Promise<ContractReport> {
  const { source, nowMs, signal, onProgress } = options;
  const checkRow = compileRowCheck(stream);
  const allRules = Object.assign({}, ...expectations.map(({ name, rules }) => Object.fromEntries(Object.entries(rules).map(([rule, node]) => [`${name}.${rule}`, node])))) as (typeof expectations)[number]["rules"];
  await using queries = options.queries === undefined ? undefined : createSqlRules(allRules, { ...options.queries, signal });
  const hasQuery = queries !== undefined && Object.values(allRules).some(({ test }) => test.kind === "sql");
  let found: ReadonlyMap<string, { readonly failed: number; readonly samples: RuleVerdict["samples"] }> = new Map();
  const checks = expectations.map((set) => createBatchCheck(set, { scope: `of ${source}`, references: () => undefined, queries: (rule) => found.get(`${set.name}.${rule}`), judgesFreshness: false }));
  const pending = createPendingRows(stream);
  const reasons = new Map<string, number>();
  const refusals: ContractReport["refusals"][number][] = [];
  let events = 0, refused = 0;

  for await (const batch of batches) {
    signal?.throwIfAborted();
    for (const { value, place } of batch) {
      events += 1;
      const checked = checkRow(value);
      if (isRefusal(checked)) {
        refused += 1;
        const reason = checked[0]?.code ?? "unknown";
        reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
        if (refusals.length < REFUSALS_SHOWN) refusals.push({ place, problems: checked });
        continue;
      }
      const timeMs = checked.timeMs ?? Number.NaN;
      for (const check of checks) check.take(checked.row, timeMs, place);
      if (hasQuery) pending.add(checked.row, timeMs, place);
    }
    if (hasQuery && pending.size() >= ROWS_PER_TABLE) await queries.add(pending.take());
    onProgress?.(events);
  }
  if (hasQuery) {
    await queries.add(pending.take());
    found = await queries.ask();
  }
  const verdicts = checks.flatMap((check) => check.finish(nowMs));
  return {
    stream: stream.name, events, refused, reasons: Object.fromEntries([...reasons].toSorted(([, a], [, b]) => b - a)), refusals, verdicts,
    kept: refused === 0 && failuresOf(verdicts).every(({ action }) => action === "warn"),
  };
}

function createPendingRows(stream: ReadContract["stream"]) {
  const kinds = fieldKinds(stream.schema);
  let rows: Row[] = [], timesMs: number[] = [], places: number[] = [];
  return {
    size: () => rows.length,
    add: (row: Row, timeMs: number, place: number): void => {
      rows.push(row);
      timesMs.push(timeMs);
      places.push(place);
    },
    take: () => {
      const builder = createColumnBuilder(kinds);
      builder.append(rows);
      const table = {
        rows: rows.length,
        columns: { ...Object.fromEntries(builder.finish()), [OFFSET_COLUMN]: { kind: "number", values: Float64Array.from(places) }, [TIME_COLUMN]: { kind: "number", values: Float64Array.from(timesMs) } } as const,
      };
      rows = [];
      timesMs = [];
      places = [];
      return table;
    },
  };
}
