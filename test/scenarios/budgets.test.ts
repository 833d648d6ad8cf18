/**
 * A hard budget over three gateway processes on one ledger: 200 callers each, money for about a hundred calls, one
 * gateway killed midway. The upstream's own books are the judge: it never bills more than the budget.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { openBillingUpstream, type BillingUpstream } from "./billing-upstream.ts";
import { send, temporaryFolder } from "./platform-kit.ts";

const GATEWAY = fileURLToPath(new URL("budget-gateway.ts", import.meta.url));
const INPUT_USD = 0.0001;
const OUTPUT_USD = 0.001;
/** A call of 40 tokens with some input: about a hundred of them. */
const BUDGET_USD = 4.2;
const CALLERS = 200;
const NAMES = ["one", "two", "three"] as const;

interface Gateway extends AsyncDisposable {
  readonly url: string;
  kill(): void;
}

async function startGateway(folder: string, upstreamUrl: string, name: string): Promise<Gateway> {
  const child = spawn(process.execPath, ["--conditions=source", GATEWAY, join(folder, name), join(folder, "ledger.db"), upstreamUrl], { stdio: ["pipe", "pipe", "inherit"] });
  const ended = once(child, "close");
  const [url] = await once(createInterface({ input: child.stdout }), "line") as [string];
  return {
    url, kill: () => { child.kill("SIGKILL"); },
    [Symbol.asyncDispose]: async () => {
      child.stdin.end();
      await ended;
    },
  };
}

interface KeyState { readonly spentUsd: number; readonly reservedUsd: number; readonly leftUsd: number }

function billedUsd({ bills }: BillingUpstream): number {
  return [...bills.values()].reduce((sum, { inputTokens, outputTokens }) => sum + inputTokens * INPUT_USD + outputTokens * OUTPUT_USD, 0);
}

/** Sums of dollars as floating-point numbers. */
const CENT_OF_A_TOKEN = OUTPUT_USD / 100;

test("600 callers on three gateways, one of them killed: the upstream bills no more than the budget", { timeout: 120_000 }, async () => {
  await using folder = await temporaryFolder();
  await using upstream = await openBillingUpstream();
  await using stack = new AsyncDisposableStack();
  const gateways = await Promise.all(NAMES.map(async (name) => stack.use(await startGateway(folder.path, upstream.urlOf(name), name))));
  const [first, second, third] = gateways as [Gateway, Gateway, Gateway];
  const made = await send(first.url, { path: "/v1/keys", body: { name: "shop", budgetUsd: BUDGET_USD } });
  const { key: { id }, secret } = made.json as { readonly key: { readonly id: string }; readonly secret: string };
  const keyState = async (): Promise<KeyState> => (await send(first.url, { path: `/v1/keys/${id}` })).json as KeyState;
  const call = async (gateway: Gateway, caller: number): Promise<"answered" | "cut" | "refused" | "lost"> => {
    const stream = caller % 2 === 0;
    const body = { model: "small", stream, messages: [{ role: "user", content: "tell me more ".repeat(1 + (caller % 9)) }] };
    try {
      const { status, text } = await send(gateway.url, { path: "/v1/chat/completions", body, headers: { authorization: `Bearer ${secret}` } });
      if (status === 200) return "answered";
      assert.equal(status, 429, text);
      assert.match(text, /insufficient_quota/);
      return "refused";
    } catch (thrown) {
      if (gateway === third) return "lost";
      if (stream && /aborted/.test(String(thrown))) return "cut"; // a stream that the budget ends is broken off, so that nobody takes it for whole
      throw thrown;
    }
  };

  let worst = 0;
  let running = true;
  const watch = async (): Promise<void> => {
    while (running) {
      const { spentUsd, reservedUsd } = await keyState();
      worst = Math.max(worst, spentUsd + reservedUsd);
      if ((upstream.bills.get("three")?.calls ?? 0) >= 5) third.kill();
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };
  const watching = watch();
  const outcomes = await Promise.all(gateways.flatMap((gateway) => Array.from({ length: CALLERS }, (_, caller) => call(gateway, caller))));
  // Those who come later get what the bounds of the first ones had held back.
  for (let answered = true; answered;) {
    const more = await Promise.all(Array.from({ length: 20 }, (_, caller) => call(caller % 2 === 0 ? first : second, caller)));
    answered = more.includes("answered") || more.includes("cut");
  }
  running = false;
  await watching;

  const { spentUsd, reservedUsd, leftUsd } = await keyState();
  const billed = billedUsd(upstream);
  assert.ok(billed <= BUDGET_USD + CENT_OF_A_TOKEN, `billed ${billed} of ${BUDGET_USD}`);
  assert.ok(worst <= BUDGET_USD + CENT_OF_A_TOKEN, `${worst} spent and reserved of ${BUDGET_USD}`);
  assert.ok(billed <= spentUsd + reservedUsd + CENT_OF_A_TOKEN, "what the upstream billed is booked, or reserved where its gateway died");
  assert.ok(leftUsd < 2 * OUTPUT_USD + 0.03, `${leftUsd} left: the budget was there to be used`);
  assert.ok(outcomes.filter((outcome) => outcome === "refused").length >= 200);
  const usage = (await send(second.url, { path: "/v1/usage?groupBy=outcome" })).json as { readonly total: { readonly costUsd: number; readonly estimatedCalls: number } };
  assert.ok(Math.abs(usage.total.costUsd - spentUsd) < CENT_OF_A_TOKEN);
  const survivors = NAMES.slice(0, 2).reduce((sum, name) => sum + upstream.bills.get(name)!.inputTokens * INPUT_USD + upstream.bills.get(name)!.outputTokens * OUTPUT_USD, 0);
  const estimates = usage.total.estimatedCalls * 5 * OUTPUT_USD; // a stream that was cut never told its usage
  assert.ok(spentUsd >= survivors - CENT_OF_A_TOKEN - estimates && spentUsd <= billed + CENT_OF_A_TOKEN + estimates, `${spentUsd} booked; the upstream billed the gateways that lived ${survivors}, all three ${billed}`);
});
