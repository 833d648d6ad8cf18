import assert from "node:assert/strict";
import { test } from "node:test";
import { allowList } from "./guardrail-allow-list.ts";
import { denyList } from "./guardrail-deny-list.ts";
import type { GuardrailMessage } from "./guardrail.ts";

const user = (text: string): readonly GuardrailMessage[] => [{ role: "user", text }];
const actionOf = async (verdict: ReturnType<NonNullable<ReturnType<typeof denyList>["checkRequest"]>>): Promise<string> => (await verdict).action;

test("denied terms are found as whole words, however they are written", async () => {
  const { checkRequest } = denyList({ terms: ["Blue Whale", "c++", "ass", "größe"] });
  for (const text of ["a blue whale", "BLUE\n WHALE!", "ｂｌｕｅ whale", "bl\u200Bue wh\u00ADale", "use C++ now", "ass", "die GRÖSSE? Größe."]) assert.equal(await actionOf(checkRequest!(user(text))), "refuse", text);
  for (const text of ["blue whales", "class", "assist", "a blue and a whale", "c+", ""]) assert.equal(await actionOf(checkRequest!(user(text))), "pass", text);
});

test("patterns, places and parameters are as declared; the answer's refusal does not quote", async () => {
  const guardrail = denyList({ patterns: [/\bproject [A-Z]{3}\b/g], where: "answer" });
  assert.equal(guardrail.checkRequest, undefined);
  for (let i = 0; i < 2; i++) assert.deepEqual(await guardrail.checkAnswer!("see project XYZ"), { action: "refuse", reason: "it contains a denied term." }); // a pattern with "g" remembers nothing
  assert.deepEqual(guardrail.parameters, { terms: [], patterns: ["/\\bproject [A-Z]{3}\\b/g"], where: "answer" });
  assert.equal(denyList({ terms: ["x"], where: "request" }).checkAnswer, undefined);
  assert.deepEqual(await denyList({ terms: ["Secret"] }).checkRequest!(user("a secret")), { action: "refuse", reason: "it contains \"secret\"." });
});

test("what is asked now must be about an allowed topic", async () => {
  const { checkRequest } = allowList({ topics: { billing: ["invoice", /\bpay(?:ment|ing)?\b/i], delivery: ["parcel"] } });
  assert.equal(await actionOf(checkRequest!(user("Where is my PARCEL?"))), "pass");
  assert.equal(await actionOf(checkRequest!(user("Paying by card"))), "pass");
  assert.equal(await actionOf(checkRequest!([...user("my invoice"), { role: "assistant", text: "yes?" }, ...user("write a poem")])), "refuse");
  assert.deepEqual(await checkRequest!(user("write a poem")), { action: "refuse", reason: "it is about none of the allowed topics: billing, delivery." });
  assert.equal(await actionOf(checkRequest!([{ role: "system", text: "hi" }])), "pass");
});
