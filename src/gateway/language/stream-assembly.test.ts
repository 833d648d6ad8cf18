import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createStreamAccount } from "./stream-account.ts";
import { createStreamAssembly } from "./stream-assembly.ts";
import { usageInWords } from "./usage.ts";
import { piecesOf } from "./whole-as-stream.ts";

const toolCall = fc.record({ id: fc.string({ minLength: 1 }), type: fc.constant("function"), function: fc.record({ name: fc.string({ minLength: 1 }), arguments: fc.json() }) });
const message = fc.oneof(
  fc.record({ role: fc.constant("assistant"), content: fc.string({ minLength: 1 }) }),
  fc.record({ role: fc.constant("assistant"), content: fc.constant(null), tool_calls: fc.array(toolCall, { minLength: 1, maxLength: 3 }) }),
);
const usage = fc.record({ inputTokens: fc.nat(), cachedInputTokens: fc.nat(), outputTokens: fc.nat(), reasoningTokens: fc.nat() });

test("law: a whole answer as a stream, put together again, is the same answer, and whole by its account", () => {
  fc.assert(fc.property(fc.array(fc.tuple(message, fc.constantFrom("stop", "length", "tool_calls")), { minLength: 1, maxLength: 3 }), usage, (answers, used) => {
    const choices = answers.map(([one, finish], index) => ({ index, message: one, finish_reason: finish, logprobs: null }));
    const answer = { id: "a", created: 1, model: "m", object: "chat.completion", choices, usage: usageInWords(used) };
    const assembly = createStreamAssembly();
    const account = createStreamAccount({ choices: choices.length, onChunk: assembly.add });
    for (const piece of piecesOf(answer)) account.read(piece);
    assert.ok(account.isFinished());
    assert.deepEqual(account.reported(), { ...used });
    assert.deepEqual(JSON.parse(JSON.stringify(assembly.whole(used))), JSON.parse(JSON.stringify(answer)));
  }), { numRuns: 200 });
});
