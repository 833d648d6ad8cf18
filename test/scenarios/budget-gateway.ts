/**
 * One gateway process: `node budget-gateway.ts <data folder> <ledger file> <upstream url>`. Prints its address; ends
 * when its input does. Every token of output costs a thousandth of a dollar, input a tenth of that.
 */
import { defineApplication, defineLanguageModel, defineUpstream, target } from "strata";
import { openTestPlatform } from "./platform-kit.ts";

const [dataDir = "", ledgerFile = "", url = ""] = process.argv.slice(2);
const upstream = defineUpstream("upstream", { url });
const small = defineLanguageModel("small", { targets: [target(upstream, { model: "small", inputUsdPerMillion: 100, outputUsdPerMillion: 1_000, maxOutputTokens: 40 })], retries: 0 });

await using platform = await openTestPlatform(defineApplication("budgets", [small]), { dataDir, settings: { ledgerFile, requireKeys: true } });
process.stdout.write(`${platform.url}\n`);
for await (const _ of process.stdin) { /* until it ends */ }
