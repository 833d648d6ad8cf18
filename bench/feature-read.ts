/** Reading features over HTTP, against what an empty node:http JSON handler costs. */
import { createRandom } from "strata/testing";
import { interleave } from "./bench.ts";
import type { Bench, BenchContext } from "./bench.ts";
import { cpuPerRequest, describeFailures, measureLoad, recordRequests, warmUp } from "./load-measurement.ts";
import type { PlanFor } from "./load-measurement.ts";
import { openServerProcess } from "./servers/server-process.ts";
import type { ServerProcess } from "./servers/server-process.ts";
import { SHOP_CUSTOMERS, shopCustomer } from "./servers/shop-history.ts";

export const featureReadBench: Bench = {
  name: "feature-read",
  title: "Online features over HTTP",
  configuration: [
    "POST /v1/features/:view for customers drawn at random, over events of 30 days; each read first waits until acknowledged events are applied.",
    "\"1 × 50\": one customer, 5 aggregations over 10 windows from an hour to 30 days. \"100 × 10\": a hundred customers, 10 features each.",
    "Closed loop with 1 connection (latency) and 64 connections (throughput, CPU). \"node:http\" is an empty server that parses the same body and answers a small JSON object; the ratio compares CPU per request.",
  ],
  run: runFeatureRead,
};

interface ReadCase {
  readonly label: string;
  readonly server: ServerProcess;
  readonly path: string;
  readonly bodies: readonly string[];
  readonly rows: number;
}

async function runFeatureRead(context: BenchContext): Promise<void> {
  const { folder } = await context.prepared.copy("shop", "feature-read");
  await using baseline = await openServerProcess({ script: "./baseline-server.ts" });
  await using platform = await openServerProcess({ script: "./platform-server.ts", args: ["shop", folder] });
  const one = bodiesOf(1, 1_000);
  const hundred = bodiesOf(100, 50);
  const cases: readonly ReadCase[] = [
    { label: "node:http, 1 key", server: baseline, path: "/json", bodies: one, rows: 1 },
    { label: "1 × 50", server: platform, path: "/v1/features/customer_wide", bodies: one, rows: 1 },
    { label: "node:http, 100 keys", server: baseline, path: "/json", bodies: hundred, rows: 100 },
    { label: "100 × 10", server: platform, path: "/v1/features/customer_ten", bodies: hundred, rows: 100 },
  ];
  for (const entry of cases) await warmUp({ server: entry.server, generator: context.generator }, planOf(context, entry, 16), context.isQuick ? 500 : 10_000 / Math.sqrt(entry.rows));
  await interleave(context.runs, [1, 64], async (connections) => {
    let floorUs = 0;
    for (const entry of cases) {
      const perRequestUs = await measureReads(context, entry, connections);
      if (entry.server === baseline) floorUs = perRequestUs;
      else context.sheet.add(nameOf(entry, connections), "CPU against node:http", "×", perRequestUs / floorUs);
    }
  });
}

/** Bodies that ask for `keys` customers each. */
function bodiesOf(keys: number, bodies: number): readonly string[] {
  const draws = createRandom(keys);
  return Array.from({ length: bodies }, () => JSON.stringify({ keys: Array.from({ length: keys }, () => ({ customer: shopCustomer(draws.integer(SHOP_CUSTOMERS)) })) }));
}

const nameOf = ({ label }: ReadCase, connections: number): string => `${label}, ${connections} ${connections === 1 ? "connection" : "connections"}`;

function planOf({ seconds }: BenchContext, { path, bodies }: ReadCase, connections: number): PlanFor {
  return { path, contentType: "application/json", bodies, connections, arrivals: { kind: "closed" }, durationMs: seconds(2) * 1000, timeoutMs: 10_000 };
}

async function measureReads(context: BenchContext, entry: ReadCase, connections: number): Promise<number> {
  const name = nameOf(entry, connections);
  context.say(name);
  const measured = await measureLoad({ server: entry.server, generator: context.generator, profile: context.profile(name) }, planOf(context, entry, connections));
  recordRequests(context.sheet, name, measured);
  context.sheet.add(name, "rows/s", "", measured.perSecond * entry.rows);
  const failures = describeFailures(name, measured.outcome);
  if (failures !== undefined) context.note(failures);
  return cpuPerRequest(measured.outcome, measured.serverCpuMs);
}
