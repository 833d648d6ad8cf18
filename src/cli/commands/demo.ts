/** `strata demo`: the whole loop, shown in a few minutes on a simulated shop or on real transactions. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { defineCommand } from "../command.ts";
import type { Terminal } from "../terminal/terminal.ts";

interface DemoResult {
  readonly ok: boolean;
  readonly problems: readonly string[];
  readonly summary: Readonly<Record<string, string>>;
  readonly console: string;
  readonly shop: string;
  readonly seconds: number;
}

export const command = defineCommand({
  name: "demo",
  summary: "Run the whole loop once, from events to a healthy model",
  description: "Starts Strata with the storefront example on a fresh data folder and a simulated clock: history is imported, a ranker trained and judged, shoppers served over HTTP, behaviour changes, drift is met, a challenger trained and tried, and every answer audited. Then it keeps serving, so that you can look at the console and the shop.",
  options: {
    data: { type: "string", placeholder: "file", description: "Use real transactions instead of the simulated shop: csv or csv.gz with InvoiceNo, StockCode, Description, Quantity, InvoiceDate, UnitPrice, CustomerID, Country" },
    once: { type: "boolean", description: "Exit after the summary" },
    port: { type: "number", integer: true, minimum: 0, maximum: 65_535, description: "TCP port of Strata (default 4180, or a free one with --once)" },
    seed: { type: "number", integer: true, default: 20_260_105, description: "Seed of the simulated shop" },
    visits: { type: "number", integer: true, minimum: 1, description: "Most live visits" },
    dataDir: { type: "string", placeholder: "folder", description: "Keep the data in this folder instead of a temporary one" },
  },
  examples: [
    { command: "strata demo", note: "the simulated shop, then keep serving" },
    { command: "strata demo --once", note: "show the loop and exit" },
    { command: "strata demo --data online-retail.csv.gz", note: "real transactions" },
  ],
  run: async function* (context): AsyncGenerator<DemoResult> {
    const { data, once, seed, visits, dataDir } = context.options;
    const startedAtMs = context.clock.monotonicMs();
    await using folder = await openFolder(dataDir === undefined ? undefined : resolve(context.workingDirectory, dataDir));
    const { runDemo } = await loadDemo();
    await using demo = await runDemo({
      dataDir: folder.path, seed, port: context.options.port ?? (once ? 0 : 4180), signal: context.signal, report: reporterOf(context.terminal),
      ...(data === undefined ? {} : { data: resolve(context.workingDirectory, data) }), ...(visits === undefined ? {} : { visits }),
    });
    const { ok, problems, rows } = demo.summary;
    yield { ok, problems, summary: Object.fromEntries(rows), console: demo.consoleUrl, shop: demo.shopUrl, seconds: (context.clock.monotonicMs() - startedAtMs) / 1000 };
    if (!once) await demo.continue();
  },
  exitCode: ({ ok }) => (ok ? 0 : 1),
  render: (result, { terminal }) => {
    terminal.print();
    terminal.section("What happened", "");
    terminal.pairs(Object.entries(result.summary));
    terminal.print();
    for (const problem of result.problems) terminal.warn(problem);
    terminal.pairs([["console", result.console], ["shop", result.shop], ["took", `${result.seconds.toFixed(1)} s`]]);
  },
});

interface DemoModule {
  runDemo(options: {
    readonly dataDir: string; readonly seed: number; readonly port: number; readonly signal: AbortSignal; readonly report: Reporter; readonly data?: string; readonly visits?: number;
  }): Promise<AsyncDisposable & {
    readonly summary: { readonly ok: boolean; readonly problems: readonly string[]; readonly rows: readonly (readonly [string, string])[] };
    readonly consoleUrl: string; readonly shopUrl: string;
    continue(): Promise<void>;
  }>;
}

/** The example is no part of the command line: it is found beside it, as source in the repository and compiled in the package. */
async function loadDemo(): Promise<DemoModule> {
  const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
  return await import(new URL(`../../../examples/storefront/demo.${extension}`, import.meta.url).href) as DemoModule; // examples/storefront/demo.ts
}

interface Reporter {
  section(title: string): void;
  say(text: string): void;
  progress(label: string): { update(share: number, detail?: string): void; finish(summary: string): void };
}

function reporterOf(terminal: Terminal): Reporter {
  return {
    section: (title) => terminal.note(`\n${title}`),
    say: (text) => terminal.note(`  ${text}`),
    progress: (label) => {
      const bar = terminal.progress({ label, total: 1, format: (share) => `${Math.round(share * 100)} %` });
      return {
        update: (share) => bar.update(share),
        finish: (summary) => bar.finish(`  ${label}: ${summary}`),
      };
    },
  };
}

async function openFolder(kept: string | undefined): Promise<AsyncDisposable & { readonly path: string }> {
  const path = kept ?? await mkdtemp(join(tmpdir(), "strata-demo-"));
  return {
    path,
    [Symbol.asyncDispose]: async () => {
      if (kept === undefined) await rm(path, { recursive: true, force: true });
    },
  };
}
