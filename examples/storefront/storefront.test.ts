/**
 * The storefront, as a visitor and as the one who shows it: the demo's figures add up, and in a browser a click and a
 * purchase change what is recommended at once.
 */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { chromium } from "playwright-core";
import type { Page } from "playwright-core";
import { createRandom, createReplayClock, loadConfig, openPlatform } from "strata/testing";
import type { ManualClock, Overview, Platform } from "strata/testing";
import application from "./app.ts";
import { runDemo } from "./demo.ts";
import type { DemoReporter } from "./demo.ts";
import { openShop } from "./shop.ts";

const CHROMIUM = "/usr/bin/chromium";
const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
const VISITS = 60;

async function dataFolder(): Promise<{ readonly path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), "strata-storefront-"));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

test(`the demo with ${VISITS} visits: its summary is what the platform knows, and every audited value is equal`, { timeout: 120_000 }, async (context) => {
  await using folder = await dataFolder();
  const told: string[] = [];
  const say = (text: string): void => { told.push(text); };
  const report: DemoReporter = { section: say, say, progress: (label) => ({ update: () => undefined, finish: (summary) => say(`${label}: ${summary}`) }) };
  const startedAt = performance.now();
  await using demo = await runDemo({ dataDir: folder.path, port: 0, seed: 11, report, signal: new AbortController().signal, visits: VISITS });
  context.diagnostic(`${Math.round(performance.now() - startedAt)} ms`);

  const summary = new Map(demo.summary.rows);
  assert.deepEqual([demo.summary.ok, demo.summary.problems], [true, []], told.join("\n"));
  const overview = await (await fetch(`${demo.consoleUrl}/v1/overview`)).json() as Overview;
  const stored = overview.streams.reduce((sum, { events }) => sum + events, 0);
  const letters = overview.streams.reduce((sum, { deadLetters }) => sum + Object.values(deadLetters).reduce((total, count) => total + count, 0), 0);
  const [sent, accepted, duplicates, rejected] = numbersOf(summary.get("events")!);
  assert.deepEqual([accepted, rejected, sent], [stored, letters, accepted! + duplicates! + rejected!]);

  const [recommend] = overview.endpoints;
  assert.equal(numbersOf(summary.get("served")!)[0], VISITS);
  assert.deepEqual([recommend?.requests, recommend?.fallbackShare], [VISITS, 0]);
  const [bySimilarity, shown] = numbersOf(summary.get("similar by embedding")!);
  assert.ok(shown === VISITS * 10 && bySimilarity! <= shown, summary.get("similar by embedding"));
  assert.ok(told.some((line) => /^learning item vectors: \d+ items from/.test(line)), "the vectors were learned before the first visit");
  const [rows, values, mismatches] = numbersOf(summary.get("online = offline")!);
  assert.deepEqual([values, mismatches], [rows! * overview.models[0]!.featureCount, 0]);
  assert.ok(rows! >= VISITS, `${rows} rows audited`);
  assert.deepEqual(overview.models[0]?.aliases, { champion: 1 });
  assert.match(summary.get("NDCG@10")!, /^the ranker 0\.\d+, item to item 0\.\d+/);

  const ask = async <T>(path: string, body: object): Promise<T> => await (await fetch(`${demo.consoleUrl}/v1/vectors/item_vectors/${path}`, { method: "POST", body: JSON.stringify(body) })).json() as T;
  const learned = await ask<{ readonly items: number; readonly baskets: number }>("train", {});
  context.diagnostic(`${learned.items} items learned from ${learned.baskets} orders`);
  const { hits } = await ask<{ readonly hits: readonly { readonly id: string; readonly payload: { readonly item: string } }[] }>("search", { vector: Array.from({ length: 64 }, (_, i) => i % 3 - 1), limit: 1 });
  const near = await ask<{ readonly hits: readonly { readonly payload: { readonly item: string } }[] }>("search", { id: hits[0]!.payload.item, limit: 5 });
  assert.equal(near.hits.length, 5);
  assert.ok(near.hits.every(({ payload }) => payload.item !== hits[0]!.payload.item), "an item is not near itself");

  const { products, customers } = await (await fetch(`${demo.shopUrl}/catalogue`)).json() as { readonly products: readonly unknown[]; readonly customers: readonly string[] };
  assert.ok(products.length > 100 && customers.length >= 20, `the shop shows ${products.length} products to ${customers.length} customers`);
});

/** The whole numbers of a sentence, in order: "1,200 of 3" has 1200 and 3. */
function numbersOf(text: string): readonly number[] {
  return Array.from(text.matchAll(/(?<![.\d])\d[\d,]*(?![.\d])/g), ([digits]) => Number(digits.replaceAll(",", "")));
}

// A shop whose items come in pairs: who looks at one of a pair usually buys both.

const PAIRS = 40;
const CUSTOMERS = 150;
const BASKETS = 1_600;
const DAY_MS = 86_400_000;
const START_MS = Date.UTC(2026, 2, 1);

const cup = (pair: number): string => `CUP${pair}`;
const saucer = (pair: number): string => `SAUCER${pair}`;

async function pairHistory({ ingestion }: Platform, clock: ManualClock): Promise<void> {
  const random = createRandom("pairs");
  const clicks: { row: object }[] = [];
  const purchases: { row: object }[] = [];
  for (let basket = 0; basket < BASKETS; basket++) {
    const atMs = START_MS + Math.floor((basket / BASKETS) * 30 * DAY_MS);
    const [customer, pair] = [`C${random.integer(CUSTOMERS)}`, Math.floor(PAIRS * random.next() ** 2)];
    const bought = random.next() < 0.85 ? [cup(pair), saucer(pair)] : [cup(random.integer(PAIRS))];
    clicks.push({ row: { customer, item: random.pick([cup(pair), saucer(pair)]), at: new Date(atMs - 60_000).toISOString() } });
    purchases.push(...bought.map((item, line) => ({ row: { line: `${basket}-${line}`, order: `O${basket}`, customer, item, quantity: 1, price: 5, at: new Date(atMs).toISOString() } })));
  }
  clock.set(START_MS + 31 * DAY_MS);
  for (const [stream, rows] of [["clicks", clicks], ["purchases", purchases]] as const) {
    const { accepted } = await ingestion.ingestRows(stream, rows, { backfill: true });
    assert.equal(accepted, rows.length);
  }
}

interface Recommended {
  readonly items: readonly string[];
  /** Marked as new since the last list. */
  readonly fresh: readonly string[];
  readonly note: string;
}

/** The list as the page shows it, once it is another answer than `before`. */
async function recommended(page: Page, before?: Recommended): Promise<Recommended> {
  await page.waitForFunction((note) => {
    const text = document.getElementById("note")!.textContent;
    return text.includes("decision") && text !== note;
  }, before?.note ?? "");
  const itemsOf = (selector: string): Promise<string[]> => page.locator(`${selector} .soft`).evaluateAll((elements) => elements.map((element) => element.textContent.split(" ")[0]!));
  return { items: await itemsOf("#recommended article"), fresh: await itemsOf("#recommended article.new"), note: await page.locator("#note").innerText() };
}

/** Finds an item in the catalogue and presses one of its buttons. */
async function press(page: Page, item: string, button: "Look" | "Buy"): Promise<void> {
  await page.getByLabel("Search").fill(`the ${item} `);
  const card = page.locator("#catalogue article");
  assert.equal(await card.count(), 1);
  await card.getByRole("button", { name: button }).click();
}

test("in a browser: a look and a purchase change the recommended list at once", { skip: existsSync(CHROMIUM) ? false : `there is no browser at ${CHROMIUM}`, timeout: 120_000 }, async () => {
  await using folder = await dataFolder();
  const clock = createReplayClock(START_MS);
  const { config } = loadConfig({ environment: {}, flags: { dataDir: folder.path, port: 0, listeners: 1, logLevel: "error" } });
  await using platform = await openPlatform({ definition: application, config, clock, runsControlLoop: false });
  await pairHistory(platform, clock);
  const report = await platform.train("ranker");
  assert.ok(report.passed, report.gates.map(({ reason }) => reason).join(" "));

  const products = new Map(Array.from({ length: PAIRS }, (_, pair) => [cup(pair), saucer(pair)]).flat().map((item) => [item, { item, title: `the ${item} of the set`, price: 5 }]));
  await using shop = await openShop({ strataUrl: platform.url, products, customers: () => ["C1"], now: () => { clock.advance(1_000); return clock.now(); } });
  const browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
  await using _browser = { [Symbol.asyncDispose]: () => browser.close() };
  const page = await browser.newPage();
  const problems: string[] = [];
  page.on("pageerror", ({ message }) => problems.push(message));
  await page.goto(shop.url);

  const first = await recommended(page);
  assert.equal(first.items.length, 10);
  assert.match(first.note, /answered by champion · version 1/);
  const [looked, bought] = Array.from({ length: PAIRS }, (_, pair) => pair).filter((pair) => !first.items.includes(cup(pair)) && !first.items.includes(saucer(pair)));
  assert.ok(looked !== undefined && bought !== undefined, "pairs that nobody recommends to a new visitor");

  await press(page, cup(looked), "Look");
  const afterLook = await recommended(page, first);
  assert.ok(afterLook.items.includes(saucer(looked)), `after a look at ${cup(looked)}: ${afterLook.items.join(" ")}`);
  assert.ok(afterLook.fresh.includes(saucer(looked)), "and it is marked as new");

  await press(page, saucer(bought), "Buy");
  const afterBuy = await recommended(page, afterLook);
  assert.ok(afterBuy.items.includes(cup(bought)), `after buying ${saucer(bought)}: ${afterBuy.items.join(" ")}`);
  assert.ok(!afterLook.items.includes(cup(bought)));

  await page.getByLabel("Visitor").selectOption("C1");
  const somebodyElse = await recommended(page, afterBuy);
  assert.notDeepEqual(somebodyElse.items, afterBuy.items);
  assert.deepEqual(problems, []);
});
