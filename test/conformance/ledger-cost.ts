/**
 * What a call costs the ledger: CPU of reserve and settle together, and what `reserve` adds, at 1, 32 and 200 callers.
 * `node --conditions=source test/conformance/ledger-cost.ts [takes]`; "takes" with limits on requests and tokens.
 */
import { monitorEventLoopDelay } from "node:perf_hooks";
import { join } from "node:path";
import { openSqliteBudgetLedger } from "../../src/engines/sqlite/budget-ledger.ts";
import { keyRecord, reservation, settlement } from "./ledger-records.ts";
import { temporaryFolder } from "./temporary-folder.ts";

const takes = process.argv[2] === "takes" ? [{ kind: "requests", amount: 1, perMinute: 1e9 }, { kind: "tokens", amount: 100, perMinute: 1e9 }] as const : [];
const usage = { inputTokens: 10, cachedInputTokens: 0, outputTokens: 5, reasoningTokens: 0 };

await using folder = await temporaryFolder();
await using ledger = await openSqliteBudgetLedger({ file: join(folder.path, "ledger.db") });
await ledger.putKey(keyRecord("a", { budgetNanoUsd: 9e15 }));

for (const [callers, calls] of [[1, 4_000], [32, 30_000], [200, 30_000]] as const) {
  const reserveMs: number[] = [];
  let left: number = calls;
  const loop = monitorEventLoopDelay({ resolution: 1 });
  loop.enable();
  const before = process.cpuUsage();
  await Promise.all(Array.from({ length: callers }, async () => {
    while (left-- > 0) {
      const [id, atMs, begun] = [`${callers}/${left}`, Date.now(), performance.now()];
      await ledger.reserve([reservation(id, 1_000, { atMs, expiresAtMs: atMs + 600_000, takes })]);
      reserveMs.push(performance.now() - begun);
      await ledger.settle([settlement(id, 500, { atMs, usage })]);
    }
  }));
  const { user, system } = process.cpuUsage(before);
  const sorted = reserveMs.toSorted((a, b) => a - b);
  const quantile = (share: number): string => sorted[Math.floor(sorted.length * share)]!.toFixed(3);
  process.stdout.write(`${callers} callers: ${((user + system) / calls).toFixed(1)} µs CPU per call, reserve p50 ${quantile(0.5)} ms, p99 ${quantile(0.99)} ms, longest pause of the event loop ${(loop.max / 1e6).toFixed(0)} ms\n`);
  loop.disable();
}
