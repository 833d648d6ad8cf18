/** The page's tables, on a made-up result. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { BenchResult } from "../report/result.ts";
import { renderPeerBench } from "./peer-page.ts";

const metric = (name: string, unit: string, ...runs: number[]) => ({ name, unit, runs });
const result: BenchResult = {
  name: "peers-gateway", title: "Gateways", configuration: ["One mock."], notes: ["Skipped LiteLLM: no network"], command: "node gateway.ts", date: "2026-01-01T00:00:00.000Z", seconds: 1,
  cases: [
    { name: "Portkey", metrics: [metric("CPU, closed loop of 32", "µs/request", 1000, 1200, 1100), metric("memory idle", "MiB", 70)] },
    { name: "Strata, open", metrics: [metric("CPU, closed loop of 32", "µs/request", 200), metric("streams held", "", 512)] },
    { name: "Strata, open against Portkey", metrics: [metric("CPU, closed loop of 32", "×", 0.2)] },
  ],
  machine: { processor: "P", cores: 2, memoryGib: 4, system: "Linux 6", node: "24.0.0", loadBefore: 0, loadAfter: 1 },
};

test("ratios have a table of their own, metrics stand together, empty columns and tables are left out", () => {
  const page = renderPeerBench(result).join("\n");
  assert.match(page, /### Against each peer\n\n\| \| CPU, closed loop of 32 \(×\) \|\n\|---\|---:\|\n\| Strata, open against Portkey \| 0\.2 \|\n/);
  assert.match(page, /### CPU and rate\n\n\| \| CPU, closed loop of 32 \(µs\/request\) \|\n\|---\|---:\|\n\| Portkey \| 1,100 \[1,000 … 1,200\] \|\n\| Strata, open \| 200 \|\n/);
  assert.match(page, /### Memory and start\n\n\| \| memory idle \(MiB\) \|\n\|---\|---:\|\n\| Portkey \| 70 \|\n/);
  assert.doesNotMatch(page, /Added latency/);
  assert.match(page, /- Skipped LiteLLM: no network/);
});
