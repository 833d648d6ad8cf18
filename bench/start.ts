/** From the start of the process to the first prediction, on a data folder with a trained champion, and memory at rest. */
import { join } from "node:path";
import { interleave } from "./bench.ts";
import { planAgainst } from "./load-measurement.ts";
import type { Bench, BenchContext } from "./bench.ts";
import { openServerProcess } from "./servers/server-process.ts";
import type { ServerOptions } from "./servers/server-process.ts";

export const startBench: Bench = {
  name: "start",
  title: "Start",
  configuration: [
    "The storefront on a data folder with 45 days of history (12 when quick), checkpoints and a trained champion, in a new process each time; files are in the system's cache. \"first prediction\" is from the start of the process until a ranking by the champion was answered over HTTP.",
    "\"from sources\" strips types at load; \"installed\" is the compiled package in a user's project (left out when quick). Memory is the resident set after 10 s without requests (2 s when quick).",
  ],
  run: runStarts,
};

interface StartCase {
  readonly label: string;
  readonly server: ServerOptions;
}

async function runStarts(context: BenchContext): Promise<void> {
  const { folder, customers } = await context.prepared.copy("storefront", "start");
  const definition = join(import.meta.dirname, "../examples/storefront/app.ts");
  const cases: StartCase[] = [{ label: "from sources", server: { script: "./definition-server.ts", args: [definition, folder] } }];
  if (!context.isQuick) {
    const { project } = await context.packages.installed();
    cases.push({ label: "installed", server: { script: join(project, "definition-server.ts"), args: [join(project, "app.ts"), folder], isInstalled: true } });
  }
  await interleave(context.runs, cases, (entry) => measureStart(context, entry, customers));
}

async function measureStart({ sheet, say, generator, isQuick }: BenchContext, { label, server: options }: StartCase, customers: readonly string[]): Promise<void> {
  say(`start ${label}`);
  await using server = await openServerProcess(options);
  const outcome = await generator.run(planAgainst(server, {
    path: "/v1/endpoints/recommend", contentType: "application/json", bodies: [JSON.stringify({ customer: customers[0] })],
    connections: 1, arrivals: { kind: "closed" }, durationMs: 30_000, maxRequests: 1, timeoutMs: 30_000, mark: "\"variant\":\"champion\"",
  }));
  if (outcome.marked !== 1) throw new Error(`the first request was not answered by the champion: ${outcome.firstFailure ?? JSON.stringify(outcome)}`);
  const firstUse = await server.usage();
  await new Promise((resolve) => setTimeout(resolve, isQuick ? 2_000 : 10_000));
  const atRest = await server.usage();
  sheet.add(label, "listening", "ms", server.readyMs);
  sheet.add(label, "first prediction", "ms", server.readyMs + outcome.latency.maxMs);
  sheet.add(label, "CPU until then", "ms", firstUse.cpuMs);
  sheet.add(label, "memory at rest", "MiB", atRest.rssBytes / 2 ** 20);
  sheet.add(label, "CPU at rest", "ms/s", (atRest.cpuMs - firstUse.cpuMs) / (isQuick ? 2 : 10));
}
