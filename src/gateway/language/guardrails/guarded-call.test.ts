import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { answerSchema, defineGuardrail, denyList, redactPersonalData, screenPromptInjection, type Guardrail } from "../../../define/index.ts";
import { z } from "zod";
import type { Meter } from "../../../ports/telemetry.ts";
import { createGuardrailRunner, type GuardedCall } from "./guarded-call.ts";

function runner() {
  const verdicts: string[] = [];
  const nothing = { add: () => undefined, set: () => undefined, record: () => undefined };
  const meter: Meter = { counter: () => ({ add: (_, labels = {}) => void verdicts.push(Object.values(labels).join(" ")) }), gauge: () => nothing, histogram: () => nothing };
  const { open } = createGuardrailRunner({ meter, secret: new Uint8Array(32) });
  return { verdicts, open: (...guardrails: readonly Guardrail[]) => open(guardrails) };
}

const user = (text: string) => ({ role: "user" as const, text });

async function stream(call: GuardedCall, pieces: readonly string[]): Promise<readonly string[]> {
  const guard = call.createAnswerGuard();
  const out: string[] = [];
  for (const piece of pieces) out.push(await guard.push(piece));
  out.push(await guard.end());
  return out;
}

const upper = defineGuardrail("upper", {
  checkRequest: (messages) => ({ action: "change", texts: messages.map(({ text }) => text.toUpperCase()), reason: "louder" }),
  checkAnswer: (text) => ({ action: "change", texts: [`upper(${text})`], reason: "louder" }),
});
const suffix = defineGuardrail("suffix", {
  checkRequest: (messages) => ({ action: "change", texts: messages.map(({ text }) => `${text} please`), reason: "kinder" }),
  checkAnswer: (text) => ({ action: "change", texts: [`suffix(${text})`], reason: "kinder" }),
});

test("requests pass the guardrails in order, answers in the opposite order, and every verdict is counted", async () => {
  const { open, verdicts } = runner();
  const call = open(upper, suffix, defineGuardrail("silent", { checkRequest: () => ({ action: "pass" }) }));
  assert.deepEqual([call.checksRequest, call.checksAnswer], [true, true]);
  assert.deepEqual(await call.checkRequest([user("hi"), user("you")]), ["HI please", "YOU please"]);
  assert.equal(await call.checkAnswer("yes"), "upper(suffix(yes))");
  assert.deepEqual(verdicts, ["upper request change", "suffix request change", "silent request pass", "suffix answer change", "upper answer change"]);
});

test("without guardrails there is nothing to do", async () => {
  const call = runner().open();
  assert.deepEqual([call.checksRequest, call.checksAnswer], [false, false]);
  assert.deepEqual(await call.checkRequest([user("hi")]), ["hi"]);
  assert.deepEqual(await stream(call, ["a", "b"]), ["a", "b", ""]);
});

test("a refusal names guardrail, place and reason; nothing that comes after is asked", async () => {
  const { open, verdicts } = runner();
  const no = defineGuardrail("no", { checkRequest: async () => ({ action: "refuse", reason: "never." }), checkAnswer: () => ({ action: "refuse", reason: "never." }) });
  const call = open(no, upper);
  await assert.rejects(call.checkRequest([user("hi")]), { code: "GUARDRAIL_REFUSED", message: "Guardrail no refused the request: never.", status: 400 });
  await assert.rejects(call.checkAnswer("hi"), { code: "GUARDRAIL_REFUSED", message: /refused the answer/ });
  assert.deepEqual(verdicts, ["no request refuse", "upper answer change", "no answer refuse"]);
});

test("a guardrail that fails lets nothing through", async () => {
  const { open, verdicts } = runner();
  const call = open(defineGuardrail("broken", { checkRequest: () => { throw new Error("oops"); }, checkAnswer: () => Promise.reject(new Error("oops")) }));
  await assert.rejects(call.checkRequest([user("hi")]), { message: "oops" });
  await assert.rejects(call.checkAnswer("hi"), { message: "oops" });
  await assert.rejects(runner().open(defineGuardrail("lossy", { checkRequest: () => ({ action: "change", texts: [], reason: "" }) })).checkRequest([user("hi")]), { code: "INTERNAL" });
  assert.deepEqual(verdicts, ["broken request failed", "broken answer failed"]);
});

test("a whole answer is held back until its end; a window lets out all but its length", async () => {
  const whole = defineGuardrail("whole", { checkAnswer: () => ({ action: "pass" }) });
  assert.deepEqual(await stream(runner().open(whole), ["ab", "cd"]), ["", "", "abcd"]);
  const parts: unknown[] = [];
  const window = defineGuardrail("window", { holdsBack: 3, checkAnswer: (text, part) => { parts.push([text, part]); return { action: "pass" }; } });
  assert.deepEqual(await stream(runner().open(window), ["ab", "cd😀", "e"]), ["", "abc", "d", "😀e"]);
  assert.deepEqual(parts[1], ["abcd😀", { before: "", isEnd: false }]);
  assert.deepEqual(parts.at(-1), ["😀e", { before: "bcd", isEnd: true }]);
});

test("a window cuts no character in two", async () => {
  const window = defineGuardrail("window", { holdsBack: 1, checkAnswer: () => ({ action: "pass" }) });
  for (const piece of await stream(runner().open(window), Array.from("a😀b😀😀").flatMap((one) => one.split("")))) assert.ok(piece.isWellFormed(), JSON.stringify(piece));
});

test("an answer that does not fit its schema never leaves, not even in pieces", async () => {
  const call = runner().open(answerSchema(z.object({ total: z.number() })));
  assert.deepEqual(await stream(call, ["{\"to", "tal\":1}"]), ["", "", "{\"total\":1}"]);
  assert.deepEqual(await stream(call, ["```json\n{\"total\":1}\n```"]), ["", "{\"total\":1}"]);
  await assert.rejects(stream(call, ["{\"total\":\"1\"}"]), { code: "GUARDRAIL_REFUSED", message: /total/ });
  await assert.rejects(stream(call, ["{\"total\":1"]), { code: "GUARDRAIL_REFUSED", message: /no JSON/ });
});

/** Splits a text at random places. */
const pieces = (text: fc.Arbitrary<string>): fc.Arbitrary<readonly string[]> =>
  fc.tuple(text, fc.array(fc.nat(), { maxLength: 12 })).map(([whole, cuts]) => {
    const places = [...new Set(cuts.map((cut) => cut % (whole.length + 1)))].toSorted((a, b) => a - b);
    return [0, ...places].map((start, i) => whole.slice(start, places[i] ?? whole.length));
  });

const wordy = fc.array(fc.constantFrom("class", "as", "s", "ass", " ", "  ", "\n", "top", " secret", "TOP  Secret", "se\u200Bcret", "🙂", "x", "."), { maxLength: 14 }).map((words) => words.join(""));

test("law: however a stream is cut, the deny list refuses what it refuses whole, and nothing forbidden has left by then", async () => {
  const { open } = runner();
  const guardrail = denyList({ terms: ["ass", "top secret"] });
  await fc.assert(fc.asyncProperty(pieces(wordy), async (parts) => {
    const whole = await open(guardrail).checkAnswer(parts.join("")).then(() => "passes", () => "refused");
    const guard = open(guardrail).createAnswerGuard();
    let left = "";
    let outcome = "passes";
    try {
      for (const part of parts) left += await guard.push(part);
      left += await guard.end();
    } catch {
      outcome = "refused";
    }
    assert.equal(outcome, whole);
    if (outcome === "passes") assert.equal(left, parts.join(""));
    else {
      const next = /^\u200B*[^]?/.exec(parts.join("").slice(left.length))![0]; // whether a term has ended shows with what follows
      const sameWord = /[\p{L}\p{N}]$/u.test(next) ? "x" : next;
      assert.equal(await open(guardrail).checkAnswer(left + sameWord).then(() => "clean", () => "leaked"), "clean", JSON.stringify(left));
    }
  }), { numRuns: 400 });
});

test("a long stream without denied terms flows: only about a term's length is held back", async () => {
  const call = runner().open(denyList({ terms: ["forbidden"] }));
  const guard = call.createAnswerGuard();
  let left = 0;
  for (let i = 1; i <= 200; i++) {
    left += (await guard.push("words and ")).length;
    assert.ok(i * 10 - left <= 12);
  }
});

const personal = fc.array(fc.constantFrom("write to ", "ann@example.org", ", ", "call +49 170 1234567", " or ", "4111 1111 1111 1111", "DE89 3704 0044 0532 0130 00", "192.168.0.1", "[EMAIL_1]", "[", "EMAIL_", " the 2026-03-01 ", "x", "12", "Ann ", "fe80::1"), { maxLength: 10 }).map((words) => words.join(""));

test("law: however a stream is cut, personal data is masked and placeholders restored as in the whole", async () => {
  const { open } = runner();
  const guardrail = redactPersonalData({ restoresAnswer: true });
  await fc.assert(fc.asyncProperty(pieces(personal), async (parts) => {
    const opened = async (): Promise<GuardedCall> => {
      const call = open(guardrail);
      await call.checkRequest([user("I am ann@example.org")]);
      return call;
    };
    const whole = await (await opened()).checkAnswer(parts.join(""));
    assert.equal((await stream(await opened(), parts)).join(""), whole);
  }), { numRuns: 400 });
});

test("personal data never reaches the model, and comes back to its owner only where asked", async () => {
  const secretive = runner().open(redactPersonalData());
  assert.deepEqual(await secretive.checkRequest([user("Mail ann@example.org and bob@example.org, then ann@example.org again")]), ["Mail [EMAIL_1] and [EMAIL_2], then [EMAIL_1] again"]);
  assert.equal(await secretive.checkAnswer("[EMAIL_1] got it; carol@example.org did not"), "[EMAIL_1] got it; [EMAIL] did not");
  const restoring = runner().open(redactPersonalData({ restoresAnswer: true }));
  await restoring.checkRequest([user("Mail ann@example.org")]);
  assert.deepEqual(await stream(restoring, ["Dear [EMA", "IL_1", "], [EMAIL_9] and carol@exam", "ple.org"]), ["Dear ", "", "ann@example.org, [EMAIL_9] and ", "", "[EMAIL]"]);
});

test("data is wrapped in a delimiter that stays the same for the same text, so that equal requests stay equal", async () => {
  const { open } = runner();
  const messages = [user("What does it say?"), { role: "tool" as const, text: "It rains." }];
  const [question, wrapped] = await open(screenPromptInjection()).checkRequest(messages);
  assert.equal(question, "What does it say?");
  assert.match(wrapped!, /<(data-[0-9a-f]{12})>\nIt rains\.\n<\/\1>/);
  assert.deepEqual(await open(screenPromptInjection()).checkRequest(messages), [question, wrapped]);
  const elsewhere = createGuardrailRunner({ meter: { counter: () => ({ add: () => undefined }) } as unknown as Meter, secret: new Uint8Array(32).fill(1) });
  assert.notEqual((await elsewhere.open([screenPromptInjection()]).checkRequest(messages))[1], wrapped);
});
