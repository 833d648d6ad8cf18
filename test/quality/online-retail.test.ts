/**
 * Real transactions: what the rules count in the stream and over the lake is what an independent query counts in the
 * file itself. These rules only warn, so every row of the file is an event.
 */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { DuckDBInstance } from "@duckdb/node-api";
import { between, defineApplication, defineExpectations, defineStream, holds, notNull, sql, unique, z } from "strata";
import { createReplayClock } from "strata/testing";
import { TRANSACTION_COLUMNS, readTransactions } from "../../examples/storefront/transactions-file.ts";
import type { PurchaseRow } from "../../examples/storefront/transactions-file.ts";
import { openTestPlatform, send, temporaryFolder } from "../scenarios/platform-kit.ts";

const FILE = join(import.meta.dirname, "../../../shared/data/online-retail.csv.gz");
const NOW_MS = Date.UTC(2011, 7, 1);

/** The file as it is: no rule of the schema refuses a row, and none has an id by which copies would be recognised. */
const sales = defineStream("sales", {
  schema: z.object({
    line: z.string(), order: z.string(), customer: z.string().optional(), item: z.string(), title: z.string().optional(),
    quantity: z.number(), price: z.number(), country: z.string(), at: z.iso.datetime({ offset: true }),
  }),
  time: "at",
});

const application = defineApplication("shop", [defineExpectations("sales_quality", {
  of: sales, window: "366d",
  expect: (e) => ({
    has_customer: notNull(e.customer).atLeast(0.99),
    no_negative_quantity: between(e.quantity, { min: 0 }),
    positive_price: holds(e.price.greater(0)),
    no_copies: unique([e.order, e.item, e.title, e.quantity, e.at, e.price, e.customer, e.country], { within: "1d" }),
    big_refunds: sql("SELECT * FROM events WHERE quantity * price < -1000").atLeast(0.9),
  }),
})]);

async function countIndependently(): Promise<Readonly<Record<string, number>>> {
  const connection = await (await DuckDBInstance.create(":memory:")).connect();
  const rows = `read_csv('${FILE}', all_varchar = true, header = true)`;
  const columns = TRANSACTION_COLUMNS.map((name) => `"${name}"`).join(", ");
  const reader = await connection.runAndReadAll(`SELECT count(*) AS rows,
    count(*) FILTER (CustomerID IS NULL OR CustomerID = '') AS customers, count(*) FILTER (CAST(Quantity AS INTEGER) < 0) AS quantities,
    count(*) FILTER (CAST(UnitPrice AS DOUBLE) <= 0) AS prices, count(*) FILTER (CAST(Quantity AS INTEGER) * CAST(UnitPrice AS DOUBLE) < -1000) AS refunds,
    (SELECT sum(n - 1) FROM (SELECT count(*) AS n FROM ${rows} GROUP BY ${columns})) AS copies FROM ${rows}`);
  const [found] = reader.getRowObjects();
  connection.closeSync();
  return Object.fromEntries(Object.entries(found!).map(([name, value]) => [name, Number(value)]));
}

test("null customers, negative quantities, non-positive prices and exact copies are those of an independent count", { skip: existsSync(FILE) ? false : "online-retail.csv.gz is not in the shared data folder beside the repository", timeout: 240_000 }, async (context) => {
  const expected = await countIndependently();
  await using folder = await temporaryFolder();
  await using platform = await openTestPlatform(application, { dataDir: folder.path, clock: createReplayClock(NOW_MS) });
  const startedMs = performance.now();
  let events = 0;
  for await (const batch of readTransactions(FILE, { batchRows: 5_000 })) {
    const { accepted, rejected } = await platform.ingestion.ingestRows("sales", batch.map((row: PurchaseRow) => ({ row })), { backfill: true });
    assert.equal(rejected, 0);
    events += accepted;
  }
  assert.equal(events, expected["rows"]);

  interface Verdict { readonly rule: string; readonly status: string; readonly evaluated: number; readonly failed: number; readonly sentence: string; readonly samples: readonly object[] }
  const wanted = { has_customer: "customers", no_negative_quantity: "quantities", positive_price: "prices", no_copies: "copies" };
  const live = (await send(platform.url, { path: "/v1/quality/sales_quality" })).json as { readonly verdicts: readonly Verdict[] };
  context.diagnostic(`${events} events in and judged after ${Math.round(performance.now() - startedMs)} ms: ${JSON.stringify(expected)}`);
  for (const [rule, count] of Object.entries(wanted)) {
    const verdict = live.verdicts.find((found) => found.rule === rule)!;
    assert.deepEqual([rule, verdict.evaluated, verdict.failed, verdict.status, verdict.samples.length], [rule, events, expected[count], "failing", 20]);
  }

  const checkedMs = performance.now();
  const stream = (await send(platform.url, { path: "/v1/quality/check", body: { stream: "sales" } })).text;
  const report = JSON.parse(/event: result\ndata: (.*)\n/.exec(stream)![1]!) as { readonly rows: number; readonly passed: boolean; readonly reports: readonly [{ readonly verdicts: readonly Verdict[] }] };
  context.diagnostic(`the lake checked in ${Math.round(performance.now() - checkedMs)} ms`);
  assert.deepEqual([report.rows, report.passed], [events, false]);
  for (const [rule, count] of Object.entries({ ...wanted, big_refunds: "refunds" })) {
    const verdict = report.reports[0].verdicts.find((found) => found.rule === rule)!;
    assert.deepEqual([rule, verdict.failed], [rule, expected[count]], verdict.sentence);
  }
  for (const { sentence } of report.reports[0].verdicts) context.diagnostic(sentence);
});
