/** The help desk as its reader runs it: one command, once through everything, and its summary tells what happened. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import app from "./app.ts";
import { openLocalUpstream } from "./local-upstream.ts";
import { featuresOf, toneOf } from "./ticket-features.ts";

test("one command: models in two versions, a split, a canary, chats with keys, a fallback; and it ends by itself", { timeout: 60_000 }, async (context) => {
  const startedAt = performance.now();
  const child = spawn(process.execPath, ["--conditions=source", fileURLToPath(new URL("main.ts", import.meta.url)), "--once"], { stdio: ["ignore", "pipe", "pipe"] });
  let [told, complained] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => { told += text; });
  child.stderr.setEncoding("utf8").on("data", (text: string) => { complained += text; });
  const [code] = await once(child, "close") as [number | null];
  context.diagnostic(`${Math.round(performance.now() - startedAt)} ms\n${told}`);
  assert.equal(code, 0, told + complained);

  const line = (what: string): string => new RegExp(`^${what} {2,}(.*)$`, "m").exec(told)?.[1] ?? assert.fail(`no line "${what}" in\n${told}`);
  assert.match(told, /Console: http:\/\/127\.0\.0\.1:\d+\/#serving/);
  const [inferences, chats] = numbersOf(line("sent"));
  assert.ok(inferences! > 100 && chats! > 5, line("sent"));
  for (const model of ["ticket_features", "triage", "urgency", "tone"]) assert.ok(numbersOf(line(model))[0]! > 0 && !line(model).includes("failed"), line(model));
  assert.match(line("tone"), /stable v1 90 % \(\d+\), careful v2 10 % \(\d+\)/);
  // On a fast machine the canary is promoted before the end, and with it the comparison of copies is over.
  assert.ok(/v2 .*\d+ copies compared, [\d.]+ % differ/.test(line("urgency")) || /urgency promote: At 50 %/.test(line("decided")), line("urgency"));
  assert.match(line("assistant"), /first token p50 \d+ ms/);
  assert.ok(numbersOf(line("assistant at main"))[1]! > 0, "its upstream was broken for a while");
  assert.ok(numbersOf(/(\d+) fallbacks/.exec(line("assistant"))![0])[0]! > 0, "and the other one stepped in");
  for (const key of ["web-shop", "mobile-app", "intern-project"]) assert.match(line(`key ${key}`), /^\$\d+\.\d+ spent of \$[\d.]+$/);
  assert.match(line("decided"), /urgency canary: it has seen ten times the tickets/);
});

function numbersOf(text: string): readonly number[] {
  return Array.from(text.matchAll(/\d+(?:\.\d+)?/g), ([digits]) => Number(digits));
}

test("the definition alone is an application", () => {
  assert.deepEqual([...app.servedModels.keys()], ["ticket_features", "urgency", "tone"]);
  assert.deepEqual([[...app.graphs.keys()], [...app.languageModels.keys()], [...app.upstreams.keys()]], [["triage"], ["assistant", "summaries"], ["main", "spare"]]);
});

test("features and tone of a ticket", () => {
  assert.deepEqual(featuresOf("The export is broken! PLEASE look at it NOW, thanks?"), [10, 0.2, 1, 1, 1, 0, 1, 2]);
  assert.ok(toneOf("You are kind, thanks!", "plain") > toneOf("You are kind, thanks!", "careful") && toneOf("This is useless.", "plain") < 0.5);
});

test("the local upstream answers whole, as a stream with usage, and not at all when it is broken", async () => {
  await using upstream = await openLocalUpstream({ firstTokenMs: 0, wordMs: 0 });
  const ask = (body: object): Promise<Response> => fetch(`${upstream.url}/chat/completions`, { method: "POST", body: JSON.stringify({ model: "m", messages: [{ role: "user", content: "Hello there" }], ...body }) });
  const whole = await (await ask({ max_tokens: 3 })).json() as { readonly choices: readonly { readonly message: { readonly content: string } }[]; readonly usage: { readonly completion_tokens: number } };
  assert.deepEqual([whole.choices[0]!.message.content.split(" ").length, whole.usage.completion_tokens], [3, 3]);
  const events = (await (await ask({ stream: true, stream_options: { include_usage: true } })).text()).trim().split("\n\n").map((event) => event.slice("data: ".length));
  const text = events.slice(0, -3).map((event) => (JSON.parse(event) as typeof whole & { readonly choices: readonly { readonly delta: { readonly content: string } }[] }).choices[0]!.delta.content).join("");
  assert.ok(text.startsWith(whole.choices[0]!.message.content) && text.length > whole.choices[0]!.message.content.length);
  assert.deepEqual([(JSON.parse(events.at(-2)!) as typeof whole).usage.completion_tokens, events.at(-1)], [text.split(" ").length, "[DONE]"]);
  upstream.setBroken(true);
  assert.equal((await ask({})).status, 503);
});
