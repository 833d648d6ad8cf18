/** The help desk as it runs in the example: Strata in this process, two mock upstreams beside it, customers and an operator. */
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { createRandom, loadConfig, openPlatform } from "strata/testing";
import { helpdesk } from "./app.ts";
import { sendTraffic } from "./customers.ts";
import type { Counts } from "./customers.ts";
import { openLocalUpstream } from "./local-upstream.ts";
import { createOperator } from "./operator.ts";
import { summarise } from "./summary.ts";

export interface HelpdeskOptions {
  readonly dataDir: string;
  readonly port: number;
  readonly say: (text: string) => void;
  readonly signal: AbortSignal;
  /** Goes on until the signal fires, instead of once through everything. */
  readonly isEndless: boolean;
}

export interface HelpdeskResult {
  readonly url: string;
  readonly counts: Counts;
  readonly summary: readonly (readonly [what: string, result: string])[];
}

const INFERENCES_PER_SECOND = 160;
const CHATS_PER_SECOND = 8;

export async function runHelpdesk({ dataDir, port, say, signal, isEndless }: HelpdeskOptions): Promise<HelpdeskResult> {
  await using main = await openLocalUpstream({ firstTokenMs: 120, wordMs: 12 });
  await using spare = await openLocalUpstream({ firstTokenMs: 40, wordMs: 5 });
  const application = helpdesk({ mainUrl: main.url, spareUrl: spare.url, models: fileURLToPath(new URL("models", import.meta.url)) });
  const { config } = loadConfig({ environment: {}, flags: { dataDir, port, logLevel: "error" } });
  await using platform = await openPlatform({ definition: application, config });
  say(`The help desk is up. Console: ${platform.url}/#serving`);

  const operator = createOperator(platform.url);
  const web = await operator.makeKey({ name: "web-shop", tenant: "shop", budgetUsd: 2, period: "1d", requestsPerMinute: 1_200 });
  const mobile = await operator.makeKey({ name: "mobile-app", tenant: "shop", budgetUsd: 0.25, period: "1d", tokensPerMinute: 200_000 });
  const intern = await operator.makeKey({ name: "intern-project", tenant: "lab", budgetUsd: 0.004, models: ["assistant"] });
  say("Three callers have keys with budgets; a fourth has none, and is booked on its own.");
  const stopping = new AbortController();
  const traffic = sendTraffic({
    url: platform.url, random: createRandom("customers"), inferencesPerSecond: INFERENCES_PER_SECOND, chatsPerSecond: CHATS_PER_SECOND,
    secrets: [web, web, web, web, mobile, mobile, intern, undefined], signal: AbortSignal.any([signal, stopping.signal]),
  });
  const pause = (ms: number): Promise<unknown> => sleep(ms, undefined, { signal }).catch(() => undefined); // the loops below look at the signal

  await operator.moveTraffic("urgency", { switch: { version: "1" } }, "the small model is the one we know");
  await operator.moveTraffic("tone", { switch: { version: "1" } }, "plain word lists to begin with");
  await operator.moveTraffic("tone", { split: { variants: [{ variant: "careful", version: "2", share: 0.1 }] } }, "do exclamation marks help?");
  say("`tone` answers 90/10 from its two versions.");
  await operator.moveTraffic("urgency", { shadow: { version: "2", share: 0.5, tolerance: 0.2 } }, "how differently does the large model answer?");
  say("`urgency` v2 gets copies of half the requests.");
  await pause(1_000);
  await operator.moveTraffic("urgency", { canary: { version: "2", steps: isEndless ? [0.1, 0.25, 0.5] : [0.25, 0.5], stepSeconds: isEndless ? 40 : 1, minimumRequests: 40 } }, "it has seen ten times the tickets");
  say(`\`urgency\` v2 is a canary, ${isEndless ? "10 % first" : "25 % first"}.`);
  await pause(400);
  const before = main.calls();
  main.setBroken(true);
  say("The large language model's upstream breaks; the small one steps in.");
  await pause(1_200);
  while (main.calls() < before + 3 && !signal.aborted) await pause(50); // on a busy machine customers take their time
  main.setBroken(false);
  await pause(2_000);
  while (isEndless && !signal.aborted) {
    await pause(30_000);
    main.setBroken(true);
    await pause(3_000);
    main.setBroken(false);
  }
  stopping.abort();
  const counts = await traffic;
  return { url: platform.url, counts, summary: summarise(await platform.overview(), counts) };
}
