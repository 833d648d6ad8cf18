/** `strata lake`: what is stored where and for how much, and every change of it that a person may ask for. */
import type { LakeDocument } from "../../../platform/api.ts";
import { defineCommand } from "../../command.ts";
import { SERVER_OPTIONS, openApiClient } from "../../server-options.ts";
import { formatBytes, formatCount, formatNumber } from "../../terminal/format.ts";
import { exportLake } from "./export.ts";
import { compact, gc, tiers, verify } from "./maintenance.ts";
import { diff, forget, restore, snapshot, snapshots } from "./snapshots.ts";

type Stream = LakeDocument["streams"][number];
const TIERS = ["hot", "warm", "cold"] as const;

export const command = defineCommand({
  name: "lake",
  summary: "Show the lake and its cost; snapshots, restores, tiers, exports",
  description: "Without a subcommand: each stream's rows, files and bytes per storage tier, the monthly cost by the configured prices (list prices you set yourself), and what the tiers save.",
  options: SERVER_OPTIONS,
  examples: [
    { command: "strata lake", note: "what is stored where, and for how much" },
    { command: "strata lake snapshot --note \"before the sale\"", note: "name what is there now" },
    { command: "strata lake export ./exported", note: "Parquet and Delta tables for other engines" },
  ],
  subcommands: [snapshots, snapshot, forget, diff, restore, gc, compact, verify, tiers, exportLake],
  run: async (context) => {
    await using client = openApiClient(context);
    return await client.get<LakeDocument>("/v1/lake", { signal: context.signal });
  },
  render: ({ streams, prices, cache }, { terminal }) => {
    const use = (tier: (typeof TIERS)[number]) => ({ title: tier, align: "right" as const, value: ({ tiers: of }: Stream) => (of[tier].files === 0 ? undefined : `${formatBytes(of[tier].sizeBytes)} in ${of[tier].files}`) });
    terminal.table<Stream>([
      { title: "stream", value: ({ stream }) => stream },
      { title: "rows", value: ({ rows }) => rows },
      ...TIERS.map(use),
      { title: "snapshots only", value: ({ snapshotBytes }) => (snapshotBytes === 0 ? undefined : formatBytes(snapshotBytes)), align: "right" },
      { title: "USD/month", value: ({ usdPerMonth }) => usd(usdPerMonth), align: "right" },
      { title: "saved", value: ({ savedUsdPerMonth }) => usd(savedUsdPerMonth), align: "right" },
    ], streams, { empty: "nothing is stored yet" });
    const total = streams.reduce((sum, { usdPerMonth }) => sum + usdPerMonth, 0);
    const saved = streams.reduce((sum, { savedUsdPerMonth }) => sum + savedUsdPerMonth, 0);
    terminal.note(`${usd(total)} USD per month, ${usd(saved)} less than all of it hot, at ${prices.hot}, ${prices.warm} and ${prices.cold} USD per GiB and month (list prices you set yourself)`);
    terminal.note(`cache: ${formatCount(cache.files, "file")}, ${formatBytes(cache.sizeBytes)} of ${formatBytes(cache.maxBytes)}`);
  },
});

/** Small lakes cost fractions of a cent, and zero would be a lie. */
function usd(amount: number): string {
  return Math.abs(amount) >= 0.01 || amount === 0 ? formatNumber(amount, 2) : amount.toExponential(1);
}
