/**
 * Serving features to 10 connections, as a feature server is usually asked: our own route, feature services and Feast's
 * API, beside an empty node:http JSON handler in the same minute.
 */
import { createRandom } from "strata/testing";
import { WIDE_WINDOWS } from "./definitions.ts";
import { interleave } from "./bench.ts";
import type { Bench, BenchContext } from "./bench.ts";
import { cpuPerRequest, describeFailures, measureLoad, recordRequests, warmUp } from "./load-measurement.ts";
import type { PlanFor } from "./load-measurement.ts";
import { openServerProcess } from "./servers/server-process.ts";
import type { ServerProcess } from "./servers/server-process.ts";
import { SHOP_CUSTOMERS, shopCustomer } from "./servers/shop-history.ts";

export const featureServingBench: Bench = {
  name: "feature-serving",
  title: "Feature serving at 10 connections",
  configuration: [
    "One process, 10 connections, closed loop, customers drawn at random over events of 30 days. \"1 × 50\": one customer, 5 aggregations over 10 windows; \"100 × 10\": a hundred customers, 10 features each. Each read first waits until acknowledged events are applied.",
    "\"own\" is POST /v1/features/:view, \"service\" POST /v1/feature-services/:service, \"Feast, names\" POST /get-online-features with every feature named, \"Feast, service\" the same with a feature service.",
    "\"node:http\" is an empty server that parses the same body as \"own\" and answers a small JSON object, measured in turn with the others: \"rate against node:http\" divides requests/s, \"CPU against node:http\" CPU per request.",
  ],
  run: runFeatureServing,
};

const CONNECTIONS = 10;
const STATISTICS = ["orders", "spend", "mean", "least", "most"] as const;

interface ServingCase {
  readonly label: string;
  readonly server: ServerProcess;
  readonly path: string;
  readonly bodies: readonly string[];
}

async function runFeatureServing(context: BenchContext): Promise<void> {
  const { folder } = await context.prepared.copy("shop", "feature-serving");
  await using baseline = await openServerProcess({ script: "./baseline-server.ts" });
  await using platform = await openServerProcess({ script: "./platform-server.ts", args: ["shop", folder] });
  const groups = [
    casesOf({ baseline, platform }, { size: "1 × 50", rows: 1, bodies: 1_000, view: "customer_wide", service: "wide", windows: WIDE_WINDOWS }),
    casesOf({ baseline, platform }, { size: "100 × 10", rows: 100, bodies: 50, view: "customer_ten", service: "ten", windows: ["1d", "30d"] }),
  ];
  for (const entry of groups.flat()) await warmUp({ server: entry.server, generator: context.generator }, planOf(context, entry), context.isQuick ? 500 : entry.label.includes("100") ? 1_500 : 10_000);
  await interleave(context.runs, groups, async (cases) => {
    let floor = { perSecond: 0, cpuUs: 0 };
    for (const entry of cases) {
      const measured = await measureCase(context, entry);
      if (entry.server === baseline) floor = measured;
      else {
        context.sheet.add(entry.label, "rate against node:http", "×", measured.perSecond / floor.perSecond);
        context.sheet.add(entry.label, "CPU against node:http", "×", measured.cpuUs / floor.cpuUs);
      }
    }
  });
}

interface Size {
  readonly size: string;
  readonly rows: number;
  readonly bodies: number;
  readonly view: string;
  readonly service: string;
  readonly windows: readonly string[];
}

/** The floor first: the others of the group are divided by it. */
function casesOf({ baseline, platform }: { readonly baseline: ServerProcess; readonly platform: ServerProcess }, { size, rows, bodies, view, service, windows }: Size): readonly ServingCase[] {
  const draws = createRandom(size);
  const customers = Array.from({ length: bodies }, () => Array.from({ length: rows }, () => shopCustomer(draws.integer(SHOP_CUSTOMERS))));
  const features = windows.flatMap((window) => STATISTICS.map((statistic) => `${view}:${statistic}_${window}`));
  const own = customers.map((keys) => JSON.stringify({ keys: keys.map((customer) => ({ customer })) }));
  return [
    { label: `node:http, ${size}`, server: baseline, path: "/json", bodies: own },
    { label: `own, ${size}`, server: platform, path: `/v1/features/${view}`, bodies: own },
    { label: `service, ${size}`, server: platform, path: `/v1/feature-services/${service}`, bodies: own },
    { label: `Feast, names, ${size}`, server: platform, path: "/get-online-features", bodies: customers.map((customer) => JSON.stringify({ features, entities: { customer } })) },
    { label: `Feast, service, ${size}`, server: platform, path: "/get-online-features", bodies: customers.map((customer) => JSON.stringify({ feature_service: service, entities: { customer } })) },
  ];
}

function planOf({ seconds }: BenchContext, { path, bodies }: ServingCase): PlanFor {
  return { path, contentType: "application/json", bodies, connections: CONNECTIONS, arrivals: { kind: "closed" }, durationMs: seconds(2) * 1000, timeoutMs: 10_000 };
}

async function measureCase(context: BenchContext, entry: ServingCase): Promise<{ readonly perSecond: number; readonly cpuUs: number }> {
  context.say(entry.label);
  const measured = await measureLoad({ server: entry.server, generator: context.generator, profile: context.profile(entry.label) }, planOf(context, entry));
  recordRequests(context.sheet, entry.label, measured);
  const failures = describeFailures(entry.label, measured.outcome);
  if (failures !== undefined) context.note(failures);
  return { perSecond: measured.perSecond, cpuUs: cpuPerRequest(measured.outcome, measured.serverCpuMs) };
}
