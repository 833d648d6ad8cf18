/**
 * Rules that are queries: the events are put into Parquet files of their own, by the field names of the schema, and
 * asked through the analytics engine. Costs a copy, and does not depend on how the lake stores fields and files.
 */
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import type { RuleNode } from "../../define/index.ts";
import { quoteName } from "../../ports/analytics.ts";
import type { Analytics, ColumnTable } from "../../ports/analytics.ts";
import { OFFSET_COLUMN, TIME_COLUMN } from "../lake/lake-file.ts";
import type { OffendingEvent } from "./offending-sample.ts";

export interface QueryFinding {
  readonly failed: number;
  readonly samples: readonly OffendingEvent[];
}

export interface SqlRules extends AsyncDisposable {
  /** Adds events: columns by field, beside OFFSET_COLUMN and TIME_COLUMN. */
  add(table: ColumnTable): Promise<void>;
  /** LAKE_QUERY_FAILED names what the engine has against a query. */
  ask(): Promise<ReadonlyMap<string, QueryFinding>>;
}

const SAMPLED = 20;

/** `folder` holds the files until disposed; nothing is written when there is no query. */
export function createSqlRules(rules: Readonly<Record<string, RuleNode>>, { analytics, folder, signal }: { readonly analytics: Analytics; readonly folder: string; readonly signal?: AbortSignal | undefined }): SqlRules {
  const queries = Object.entries(rules).flatMap(([rule, { test }]) => (test.kind === "sql" ? [[rule, test.query] as const] : []));
  const prefix = `quality-${randomUUID()}`;
  const files: string[] = [];
  const names = new Set<string>();
  return {
    add: async (table) => {
      if (queries.length === 0 || table.rows === 0) return;
      if (files.length === 0) await analytics.makeFolder(folder);
      const path = join(folder, `${prefix}-${files.length}.parquet`);
      files.push(path);
      for (const name of Object.keys(table.columns)) names.add(name);
      await analytics.writeTable(path, table, { signal });
    },
    ask: async () => {
      const found = new Map<string, QueryFinding>();
      for (const [rule, query] of queries) {
        if (files.length === 0) {
          found.set(rule, { failed: 0, samples: [] });
          continue;
        }
        const events = `events AS (SELECT ${[...names].map(quoteName).join(", ")} FROM parts)`;
        const ask = (select: string) => analytics.query({ sql: `WITH ${events} ${select}`, tables: { parts: files } }, { signal });
        const count = await ask(`SELECT count(*) AS failed FROM (${query}) AS offending`);
        const failed = count.columns["failed"]?.kind === "number" ? count.columns["failed"].values[0]! : 0;
        const samples = failed === 0 ? [] : samplesOf(await ask(`SELECT event FROM (SELECT CAST(to_json(offending) AS VARCHAR) AS event FROM (${query}) AS offending) ORDER BY hash(event), event LIMIT ${SAMPLED}`));
        found.set(rule, { failed, samples });
      }
      return found;
    },
    [Symbol.asyncDispose]: async () => {
      for (const file of files) await analytics.remove(file);
    },
  };
}

/** Rows in the order of their hash are a uniform choice that is the same each time. */
function samplesOf({ columns }: ColumnTable): readonly OffendingEvent[] {
  const events = columns["event"];
  if (events?.kind !== "text") return [];
  return Array.from(events.codes, (code) => {
    const event = events.dictionary[code]!;
    const { [OFFSET_COLUMN]: place = -1, [TIME_COLUMN]: timeMs = null, ...values } = JSON.parse(event) as Record<string, number | null>;
    return { place: Number(place), timeMs, values, event: event.slice(0, 1_000) };
  });
}
