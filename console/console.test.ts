/**
 * The console in a real browser, against a server that sends it overviews: what is shown, that it lives, that it can
 * be used with the keyboard, in light and dark, wide and narrow. Skipped with a sentence where there is no Chromium.
 */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { gzipSync } from "node:zlib";
import { chromium } from "playwright-core";
import type { Browser, Page } from "playwright-core";
import type { Overview } from "../src/protocols/admin/overview.ts";
import { createConsoleHandler } from "../src/protocols/console/static.ts";
import { lowestContrasts } from "./test-support/contrast.ts";
import { openConsoleServer } from "./test-support/console-server.ts";
import type { ConsoleServer } from "./test-support/console-server.ts";
import { storefrontWithData } from "./test-support/data-overview.ts";
import { helpdeskOverview, servingOnly } from "./test-support/helpdesk-overview.ts";
import { NOW_MS, freshOverview, storefrontOverview, trainingOverview } from "./test-support/storefront-overview.ts";

const CHROMIUM = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find((path) => existsSync(path));
const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];
const WIDE = { width: 1440, height: 900 };
const PHONE = { width: 380, height: 844 };

interface OpenPage extends AsyncDisposable {
  readonly page: Page;
  readonly server: ConsoleServer;
  /** Console messages of warnings and errors, and uncaught errors. */
  readonly complaints: readonly string[];
}

interface OpenOptions {
  readonly hash?: string;
  readonly overview?: Overview;
  readonly viewport?: { readonly width: number; readonly height: number };
  readonly colorScheme?: "light" | "dark";
}

describe("the console", { skip: CHROMIUM === undefined && "No Chromium was found; install it (apt-get install chromium) to test the console in a browser." }, () => {
  let browser: Browser;
  let shots = "";
  const files = createConsoleHandler({ folder: new URL("./", import.meta.url), preactFolder: new URL("../node_modules/preact/", import.meta.url) });
  before(async () => {
    browser = await chromium.launch({ executablePath: CHROMIUM!, args: FLAGS });
    shots = await mkdtemp(join(tmpdir(), "strata-console-"));
  });
  after(() => browser.close());

  async function open({ hash = "", overview = storefrontOverview(), viewport = WIDE, colorScheme = "light" }: OpenOptions = {}): Promise<OpenPage> {
    const server = await openConsoleServer({ overview, files });
    const context = await browser.newContext({ viewport, colorScheme, reducedMotion: "reduce" });
    context.setDefaultTimeout(8_000);
    const page = await context.newPage();
    const complaints: string[] = [];
    page.on("console", (message) => { if (message.type() === "error" || message.type() === "warning") complaints.push(message.text()); });
    page.on("pageerror", (error) => complaints.push(error.message));
    await page.goto(server.url + hash);
    await page.locator("#section-process").waitFor();
    return { page, server, complaints, [Symbol.asyncDispose]: async () => { await context.close(); await server[Symbol.asyncDispose](); } };
  }

  /** The text that is seen, with plain spaces. */
  const textOf = async (page: Page, selector: string): Promise<string> => (await page.locator(selector).first().innerText()).replaceAll(/[\u202f\s]+/g, " ");
  const labelOf = async (page: Page, node: string): Promise<string> => (await page.locator(`[data-node="${node}"]`).getAttribute("aria-label") ?? "").replaceAll("\u202f", " ");

  test("shows names, rates, versions and reasons", async () => {
    await using opened = await open();
    const { page, complaints } = opened;
    assert.equal(await page.title(), "storefront · Strata");
    assert.match(await textOf(page, ".top"), /storefront Simulated time 14 Sep 2011 10:32:08 UTC Live/);
    assert.equal(await labelOf(page, "stream:purchases"), "Stream purchases: 128 events/s. 144 k dead letters");
    assert.equal(await labelOf(page, "model:ranker"), "Model ranker: v3 champion. 3 features drifted. canary 50 %");
    assert.equal(await page.locator(".node").count(), 10);
    assert.equal(await page.locator(".edge-flow").count(), 15);
    assert.match(await textOf(page, ".loop-notes"), /Outcomes purchases within 1 h of an answer · mean reward 0\.03674.*Retraining when 3 features have a PSI of 0\.2 or more, or every 30 d/);
    assert.match(await textOf(page, "#section-models"), /v4 challenger 5 h ago 0\.0431 .*v3 champion 31 d ago/);
    assert.match(await textOf(page, "#section-models"), /affinity\.bought_180d 11\.\d %/);
    assert.match(await textOf(page, "#section-endpoints"), /42\/s 184 k in all p50 8\.4 ms p90 14\.9 ms p99 27\.6 ms Fallback 2\.1 %.*champion v3 80\.4 %.*canary v4 17\.5 %/);
    assert.match(await textOf(page, "#section-rollouts"), /ranker: v4 against v3.*Shadow Canary 20 % Canary 50 % Champion.*always-valid interval: −0\.0009 to \+0\.0103.*no harm is shown, so it now answers 50 % of the traffic\./);
    assert.match(await page.locator(".interval").getAttribute("aria-label") ?? "", /the margin is −0\.00362\./);
    assert.match(await textOf(page, "#section-drift"), /prediction 0\.1\d\d item_popularity\.sold_7d 0\.3\d\d/);
    assert.match(await textOf(page, "#section-decisions"), /recommend alert fallback 2\.1 % of the answers came from the fallback/);
    assert.match(await textOf(page, "#section-process"), /Memory 393 MiB.*CPU 63 %.*Event loop p99 3\.4 ms.*9f2c4b7e/);
    assert.deepEqual(complaints, []);
  });

  test("lives: a second overview changes figures, and a training lights up its arrow", async () => {
    await using opened = await open();
    const { page, server, complaints } = opened;
    const [purchases, ...others] = storefrontOverview().streams;
    server.show(storefrontOverview({ nowMs: NOW_MS + 1_000, streams: [{ ...purchases!, eventsPerSecond: 951.2 }, ...others] }));
    await page.locator('[data-node="stream:purchases"][aria-label*="951 events/s"]').waitFor();
    assert.match(await textOf(page, ".clock"), /10:32:09/);
    assert.match(await textOf(page, ".headline"), /Events 1,364 ?\/s/);
    assert.equal(await page.locator(".edge.lit").count(), 0);
    server.show(trainingOverview());
    await page.locator(".edge-training.lit").waitFor({ state: "attached" }); // a straight line has no area to be seen by
    assert.match(await textOf(page, ".loop-notes"), /Training boosting 62 % tree 93 of 150/);
    assert.equal(await page.locator(".loop-notes progress").getAttribute("value"), "0.62");
    assert.deepEqual(complaints, []);
  });

  test("the keyboard opens a node's details, and Escape leads back to it", async () => {
    await using opened = await open();
    const { page } = opened;
    await page.locator('[data-node="stream:purchases"]').focus();
    await page.keyboard.press("Tab");
    await page.keyboard.press("Shift+Tab");
    await page.keyboard.press("Enter");
    await page.locator("aside.panel").waitFor();
    assert.equal(new URL(page.url()).hash, "#loop/stream:purchases");
    assert.equal(await page.evaluate("document.activeElement.id"), "panel-title");
    assert.match(await textOf(page, "aside.panel"), /Stream purchases One line of an order.*Log 113 MiB.*Dead letters by reason missing customer 135 k cancelled order 9,288/);
    await page.keyboard.press("Escape");
    await page.locator("aside.panel").waitFor({ state: "detached" });
    assert.equal(await page.evaluate("document.activeElement.dataset.node"), "stream:purchases");
  });

  test("runs are compared, windows read, decisions filtered", async () => {
    await using opened = await open();
    const { page, complaints } = opened;
    await page.getByLabel("Show run run-03").check();
    assert.equal(await page.locator('[data-chart="ndcg@10 over iterations"] .line').count(), 4);
    assert.match(await textOf(page, ".runs"), /A validation 0\.04\d+ B training/);
    await page.getByRole("button", { name: /^attention\.clicks_1h: PSI/ }).click();
    const line = page.getByRole("img", { name: /^PSI of attention\.clicks_1h/ });
    await line.focus();
    for (const key of ["Home", "ArrowRight"]) await page.keyboard.press(key);
    assert.match(await textOf(page, ".drift-line .legend"), /PSI 0\.0\d\d 16 Aug 2011, 06:32/);
    await page.getByRole("button", { name: "gate 1" }).click();
    assert.deepEqual(await page.locator(".entry").count(), 1);
    await page.getByRole("button", { name: "v2", exact: true }).click();
    assert.match(await textOf(page, "#section-models"), /Version 2 has no recorded feature importances\./);
    assert.deepEqual(complaints, []);
  });

  test("a link opens its section or its panel", async () => {
    await using opened = await open({ hash: "#drift" });
    const { page } = opened;
    await untilTrue(page, "Math.abs(document.getElementById('section-drift').getBoundingClientRect().top - 116) < 4");
    await page.locator('.tabs a[aria-current="true"]', { hasText: "Drift" }).waitFor();
    await page.goto(`${opened.server.url}#loop/view:affinity`);
    assert.match(await textOf(page, "aside.panel"), /affinity.*rebuilding 42 %.*quantity_180d/);
  });

  test("says when the server is away, and goes on when it is back", async () => {
    await using opened = await open();
    const { page, server } = opened;
    await server[Symbol.asyncDispose]();
    await page.locator(".connection-reconnecting").waitFor();
    assert.match(await textOf(page, ".connection"), /The connection to the server broke; reconnecting\. The figures below are the last ones received\..* Try now/);
    assert.match(await textOf(page, ".status"), /Reconnecting/);
    for (let attempt = 0; attempt < 5; attempt++) await page.getByRole("button", { name: "Try now" }).click();
    await page.locator(".connection-gone").waitFor();
    assert.match(await textOf(page, ".connection"), /The server is gone\..*strata up/);
    await using back = await openConsoleServer({ overview: storefrontOverview({ nowMs: NOW_MS + 60_000 }), files, port: server.port });
    const clicked = page.getByRole("button", { name: "Try now" }).click({ timeout: 2_000 }).catch(() => undefined); // the page may come back by itself in this very moment, and the button is gone
    await page.locator(".status-live").waitFor();
    assert.match(await textOf(page, ".clock"), /10:33:08/);
    assert.equal(await page.locator(".connection").count(), 0);
    assert.ok(back.url.endsWith("/"));
    await clicked;
  });

  test("an empty platform says what to do next, and shows no figure that was not measured", async () => {
    await using opened = await open({ overview: freshOverview() });
    const { page, complaints } = opened;
    assert.match(await textOf(page, "#section-models"), /No model has been trained yet\. Run: strata train ranker/);
    assert.match(await textOf(page, "#section-endpoints"), /p50 – p90 – p99 – Fallback –.*POST a request to \/v1\/endpoints\/recommend/);
    assert.match(await textOf(page, ".headline"), /Latency p99 – no requests yet Champion – ranker is not trained yet Mean reward – no outcomes yet Drifted features – no window is full yet/);
    assert.equal(await page.locator(".clock-badge").count(), 0);
    assert.equal(await page.locator(".edge-dots").count(), 0, "nothing flows");
    assert.deepEqual(complaints, []);
  });

  test("serving and the gateway: who answers, why batches left, what is spent, and a panel for each part", async () => {
    await using opened = await open({ hash: "#serving", overview: servingOnly() });
    const { page, server, complaints } = opened;
    assert.match(await textOf(page, ".tabs"), /^Serving 1 not available Gateway 1 breakers open Decisions 2 alerts Process$/);
    assert.equal(await page.locator("#section-loop, #section-models").count(), 0);
    assert.match(await textOf(page, ".headline"), /Inferences 128 ?\/s.*Slowest p99 13 ms far_away, of it 3\.2 ms queued.*Cost today \$0\.027 4 keys/);
    assert.match(await textOf(page, "[aria-label='Model urgency']"), /ONNX v2 v1 Requests 128\/s 12\.9 k answered · 7 failed.*Compute p50 \/ p99 of v1 1\.2 \/ 9\.8 ms.*delay was over 62 % preferred size was reached 31 %.*Traffic canary at step 1 of 3 for 27 s stable v1 90 % 812 canary v2 10 % 88 shadow v2: 10\.9 % differ/);
    assert.equal((await page.getByRole("img", { name: /^Why batches of urgency left: delay was over 62/ }).count()), 1);
    await page.getByRole("link", { name: "far_away", exact: true }).click();
    assert.match(await textOf(page, "#served-far_away"), /http:\/\/10\.0\.0\.8:8000 open 0 0 ms 30 21/);
    assert.equal(new URL(page.url()).hash, "#serving/far_away");
    assert.equal(await labelOf(page, "upstream:main"), "Upstream main: 1.3 /s · 136 ms. breaker open");
    assert.equal(await labelOf(page, "caller:key_02"), "Caller mobile-app: $0.21 of $0.25. 85.6 % of budget");
    await page.locator('[data-node="language:assistant"]').press("Enter");
    assert.match(await textOf(page, "aside.panel"), /Language model assistant Answers customers\..*Not answered GUARDRAIL_REFUSED 3 BUDGET_EXHAUSTED 40/);
    await page.keyboard.press("Escape");
    await untilTrue(page, 'document.activeElement.dataset.node === "language:assistant"'); // the focus goes back once the panel is gone
    assert.match(await textOf(page, ".budgets"), /mobile-app shop \$0\.21 of \$0\.25 a day · \$0\.004 held 85\.6 % of budget 200 k tokens a minute intern-project lab \$0\.004 of \$0\.004 in all budget spent/);
    const { gateway: _, ...noGateway } = servingOnly();
    server.show(noGateway);
    await page.locator("#section-gateway").waitFor({ state: "detached" });
    assert.deepEqual(complaints, []);
  });

  test("light and dark, wide and narrow: texts stand out, nothing runs over the edge", async (context) => {
    await using opened = await open({ overview: helpdeskOverview() });
    const { page, complaints } = opened;
    for (const [colorScheme, ground] of [["light", "rgb(246, 246, 248)"], ["dark", "rgb(11, 12, 16)"]] as const) {
      await page.emulateMedia({ colorScheme });
      for (const [name, viewport] of [["wide", WIDE], ["phone", PHONE]] as const) {
        await page.setViewportSize(viewport);
        await untilTrue(page, `[...document.querySelectorAll(".loop svg, .chart-plot svg, .heatmap-cells svg, .interval svg")].every((svg) => svg.clientWidth < ${viewport.width})`);
        assert.equal(await page.evaluate("getComputedStyle(document.body).backgroundColor"), ground);
        const [content, window] = await page.evaluate("[document.documentElement.scrollWidth, innerWidth]") as readonly [number, number];
        assert.ok(content <= window, `${colorScheme}, ${name}: ${content} px in a window of ${window}`);
        assert.deepEqual(await lowestContrasts(page, 4.5), [], `${colorScheme}, ${name}`);
        context.diagnostic(`see ${join(shots, `${colorScheme}-${name}.png`)}`);
        await page.screenshot({ path: join(shots, `${colorScheme}-${name}.png`), fullPage: true });
      }
    }
    assert.deepEqual(complaints, []);
  });

  test("data: rules with what fails first, why a stream is stopped, samples by keyboard, storage, profiles", async (context) => {
    await using opened = await open({ overview: storefrontWithData(), hash: "#data" });
    const { page, server, complaints } = opened;
    assert.match(await textOf(page, "#section-data"), /purchases_quality of stream purchases · .* stream stopped purchases takes no events since 14 Sep 2011, 10:09 UTC\. Rule plausible_price failed: 12\.4 % of 12,431 events.*strata quality resume purchases --reason/);
    assert.match(await textOf(page, "#section-data"), /failing possible_quantity quarantine .*nobody sells a million of anything here .*failing plausible_price stop .*waiting stable_price .*passing has_country/);
    assert.match(await textOf(page, "#section-data"), /purchases 128 542 k 144 k 1,284 hot 3\.1 MiB in 4 files, warm 40 MiB in 12 files p50 3\.2 ms, p99 18\.4 ms/);
    assert.match(await textOf(page, "#section-data"), /Profile of purchases 285 k events, 4 columns price none missing · 1,210 distinct 0 20/);
    assert.match(await textOf(page, "nav[aria-label='Sections'], header nav"), /Data 2/);
    assert.equal(await page.locator(".mini-bars").count(), 3);
    assert.equal(await page.locator(".mini-bars").first().getAttribute("aria-label"), "price: values are most often from 2 to 3");
    await page.locator(".rule summary").first().focus();
    await page.keyboard.press("Enter");
    assert.match(await textOf(page, ".rule[class*=failing] .samples"), /dead letter 14: quantity = 8099500/);
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme });
      for (const [name, viewport] of [["wide", WIDE], ["phone", PHONE]] as const) {
        await page.setViewportSize(viewport);
        const [content, window] = await page.evaluate("[document.documentElement.scrollWidth, innerWidth]") as readonly [number, number];
        assert.ok(content <= window, `${colorScheme}, ${name}: ${content} px in a window of ${window}`);
        assert.deepEqual(await lowestContrasts(page, 4.5), [], `${colorScheme}, ${name}`);
        context.diagnostic(`see ${join(shots, `data-${colorScheme}-${name}.png`)}`);
        await page.locator("#section-data").screenshot({ path: join(shots, `data-${colorScheme}-${name}.png`) });
      }
    }
    server.show(storefrontOverview({ data: { streams: [{ stream: "purchases", waitingRows: 0, tiers: [] }], expectations: [], profiles: [] } }));
    await page.locator("#section-data .empty").first().waitFor();
    assert.match(await textOf(page, "#section-data"), /No expectations are declared.*No profile was made since the start\. Run: strata quality profile purchases/);
    assert.deepEqual(complaints, []);
  });

  test("a chosen theme stays; nobody else is asked for anything; scripts are small", async () => {
    await using opened = await open();
    const { page, server } = opened;
    const ground = (): Promise<unknown> => page.evaluate("getComputedStyle(document.body).backgroundColor");
    await page.getByRole("button", { name: /^Colours: as the system/ }).click();
    await page.getByRole("button", { name: /^Colours: light/ }).click();
    assert.equal(await ground(), "rgb(11, 12, 16)");
    const asked: string[] = [];
    page.on("response", (response) => asked.push(response.url()));
    await page.reload();
    await page.locator("#section-process").waitFor();
    assert.equal(await ground(), "rgb(11, 12, 16)");
    assert.deepEqual(asked.filter((url) => !url.startsWith(server.url)), []);
    const scripts = await Promise.all(asked.filter((url) => url.endsWith(".js")).map(async (url) => (await fetch(url)).bytes()));
    const scriptBytes = gzipSync(Buffer.concat(scripts)).length;
    assert.ok(scriptBytes > 10_000 && scriptBytes < 65_000, `${scripts.length} scripts have ${scriptBytes} bytes, gzipped together`);
  });
});

/** Asks until the expression holds. Playwright's own waiting evaluates text inside the page, which the page's policy forbids. */
async function untilTrue(page: Page, expression: string): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt++) {
    if (await page.evaluate(expression) === true) return;
    await page.waitForTimeout(50);
  }
  assert.fail(`within five seconds this did not become true: ${expression}`);
}
