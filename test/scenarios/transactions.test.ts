/**
 * Real transactions, as they are: cancellations, missing customers, repeated lines. Every row of the file is accepted,
 * a duplicate, or a dead letter with its reason, and a second, independent reading of the file counts the same.
 */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import { createReplayClock } from "strata/testing";
import type { Platform } from "strata/testing";
import application from "../../examples/storefront/app.ts";
import { readTransactions } from "../../examples/storefront/transactions-file.ts";
import { openTestPlatform, temporaryFolder } from "./platform-kit.ts";

const FILE = join(import.meta.dirname, "../../../shared/data/online-retail.csv.gz");
const ROWS = 40_000;
const DAY_MS = 86_400_000;

interface Line {
  readonly text: string;
  readonly order: string;
  readonly customer: string;
  readonly item: string;
  readonly quantity: number;
  readonly price: number;
  readonly atMs: number;
}

test(`the first ${ROWS} real transactions are all accounted for`, { skip: existsSync(FILE) ? false : "online-retail.csv.gz is not in the shared data folder beside the repository", timeout: 120_000 }, async () => {
  const lines = independentLines(gunzipSync(await readFile(FILE)).toString("utf8"));
  const expected = countByFate(lines);
  const lastMs = lines.reduce((latest, { atMs }) => Math.max(latest, atMs), 0);

  await using folder = await temporaryFolder();
  await using platform = await openTestPlatform(application, { dataDir: folder.path, clock: createReplayClock(lastMs) });
  const imported = await importRows(platform);
  assert.deepEqual(imported, { rows: ROWS, accepted: expected.accepted.length, duplicates: expected.duplicates, rejected: expected.rejected });
  assert.deepEqual(await platform.ingestion.deadLetterCounts("purchases"), expected.reasons);
  assert.ok(expected.duplicates > 0 && Object.keys(expected.reasons).length >= 2, "the file has what this test is about");

  const overview = await platform.overview();
  const purchases = overview.streams.find(({ name }) => name === "purchases");
  assert.equal(purchases?.events, expected.accepted.length);
  await checkFeatures(platform, expected.accepted, lastMs);

  const again = await importRows(platform);
  assert.deepEqual([again.accepted, again.duplicates], [0, expected.accepted.length + expected.duplicates], "the same file again adds no event");
});

async function importRows({ ingestion }: Platform) {
  const total = { rows: 0, accepted: 0, duplicates: 0, rejected: 0 };
  for await (const batch of readTransactions(FILE, { batchRows: 2_000 })) {
    const { accepted, duplicates, rejected } = await ingestion.ingestRows("purchases", batch.map((row) => ({ row })), { backfill: true });
    total.rows += batch.length;
    total.accepted += accepted;
    total.duplicates += duplicates;
    total.rejected += rejected;
    if (total.rows >= ROWS) break;
  }
  return total;
}

/** Sales of the twenty best-selling items over each window, counted again from the lines. */
async function checkFeatures({ features }: Platform, accepted: readonly Line[], atMs: number): Promise<void> {
  await features.fresh(["purchases"]);
  const byItem = [...Map.groupBy(accepted, ({ item }) => item)].toSorted(([, a], [, b]) => b.length - a.length).slice(0, 20);
  const rows = features.read({ view: "item_popularity", keys: byItem.map(([item]) => [item]), atMs });
  byItem.forEach(([item, sales], at) => {
    const [within1d, within7d, within30d] = [1, 7, 30].map((days) => sales.filter((sale) => sale.atMs > atMs - days * DAY_MS));
    const buyers = new Set(within30d!.map(({ customer }) => customer)).size;
    assert.deepEqual(rows[at]!.slice(0, 4), [within1d!.length, within7d!.length, within30d!.length, buyers], `item ${item}`);
    assert.equal(rows[at]!.at(-1), Math.max(...sales.map((sale) => sale.atMs)), `last sale of ${item}`);
  });
}

/** A reading of its own: no CSV library, no schema. */
function independentLines(text: string): readonly Line[] {
  const lines = text.split("\n").slice(1, ROWS + 1);
  return lines.map((line): Line => {
    const cells = Array.from(line.replace(/\r$/, "").matchAll(/("(?:[^"]|"")*"|[^,]*)(?:,|$)/g), ([, cell]) => cell!.replace(/^"|"$/g, "").replaceAll("\"\"", "\"").trim());
    assert.ok(cells.length >= 8, line);
    const [order, item, title, quantity, date, price, customer, country] = cells as [string, string, string, string, string, string, string, string];
    return { text: [order, item, title, quantity, date, price, customer, country].join("\t"), order, item, customer: customer.replace(/\.0$/, ""), quantity: Number(quantity), price: Number(price), atMs: Date.parse(`${date.replace(" ", "T")}Z`) };
  });
}

function countByFate(lines: readonly Line[]) {
  const seen = new Set<string>();
  const accepted: Line[] = [];
  const reasons: Record<string, number> = {};
  let duplicates = 0, rejected = 0;
  for (const line of lines) {
    const reason = reasonAgainst(line);
    if (reason !== undefined) {
      rejected += 1;
      reasons[reason] = (reasons[reason] ?? 0) + 1;
    } else if (seen.has(line.text)) duplicates += 1;
    else {
      seen.add(line.text);
      accepted.push(line);
    }
  }
  return { accepted, duplicates, rejected, reasons };
}

/** The first rule of the storefront that a line breaks, in the order of its fields. */
function reasonAgainst({ order, customer, quantity, price }: Line): string | undefined {
  if (/^c/i.test(order)) return "cancelled order";
  if (customer === "") return "missing customer";
  if (!(quantity > 0)) return "non-positive quantity";
  return price > 0 ? undefined : "non-positive price";
}
