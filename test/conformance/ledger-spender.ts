/**
 * A process that spends from a budget until nothing is left: `node ledger-spender.ts <ledger file or postgres://…> <key> <callers>`.
 * It says "ready", waits for a line, then tells each admitted call and each settled one, as they happen, in JSON lines.
 */
import { createInterface } from "node:readline";
import { openPostgresBudgetLedger } from "../../src/engines/postgres/budget-ledger.ts";
import { openSqliteBudgetLedger } from "../../src/engines/sqlite/budget-ledger.ts";
import { createKeyDirectory, createLedgerCallPolicy } from "../../src/gateway/index.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import { isStrataError } from "../../src/kernel/errors.ts";
import { createIdSource } from "../../src/kernel/ids.ts";
import { silentMeter } from "../../src/ports/telemetry.ts";

const [address = "", secret = "", callers = "1"] = process.argv.slice(2);
const say = (event: string, value: number): void => { process.stdout.write(`${JSON.stringify({ event, value })}\n`); };

await using ledger = await (address.startsWith("postgres://") ? openPostgresBudgetLedger({ url: address }) : openSqliteBudgetLedger({ file: address }));
const directory = createKeyDirectory({ ledger, clock: systemClock, requireKeys: true });
const policy = createLedgerCallPolicy({ ledger, directory, clock: systemClock, ids: createIdSource(systemClock, Math.random), meter: silentMeter });
const price = { input: 100, output: 1_000 };

async function call(): Promise<"spent" | "refused"> {
  try {
    const admitted = await policy.admit({ secret, operation: "chat", model: "m", inputTokens: 100, maxOutputTokens: 90, price, timeoutMs: 1 });
    say("admitted", 100 * price.input + admitted.maxOutputTokens * price.output);
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 20));
    const outputTokens = Math.ceil(admitted.maxOutputTokens * Math.random());
    const usage = { inputTokens: 100, cachedInputTokens: 0, outputTokens, reasoningTokens: 0 };
    await admitted.settle({ usage, price, upstream: "mock", outcome: "ok", isEstimated: false });
    say("settled", 100 * price.input + outputTokens * price.output);
    return "spent";
  } catch (thrown) {
    if (isStrataError(thrown) && thrown.code === "BUDGET_EXHAUSTED") return "refused";
    throw thrown;
  }
}

say("ready", 0);
for await (const _line of createInterface({ input: process.stdin })) break;
await Promise.all(Array.from({ length: Number(callers) }, async () => {
  for (let refusals = 0; refusals < 8;) { // others give back what they did not use within 20 ms
    refusals = await call() === "refused" ? refusals + 1 : 0;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}));
say("done", 0);
process.stdin.destroy();
