/** Prompts have about the tokens that were asked for, and are new at each sending unless caches are to help. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { countTokens } from "gpt-tokenizer";
import { chatRequests } from "./chat-requests.ts";

const OPTIONS = { model: "m", stream: true, promptTokens: 200, maxTokens: 64, prompts: 8, isAlwaysNew: true, seed: 1 };
const contentOf = (body: string): string => (JSON.parse(body) as { messages: [{ content: string }] }).messages[0].content;

test("prompts have the wanted number of tokens within 15 %", () => {
  for (const promptTokens of [20, 200, 4_000]) {
    for (const body of chatRequests({ ...OPTIONS, promptTokens })) {
      const tokens = countTokens(contentOf(body).replace("{{id}}", "0mc3k1x2a.1f.0000002"));
      assert.ok(Math.abs(tokens / promptTokens - 1) < 0.15, `${tokens} of ${promptTokens}`);
    }
  }
});

test("streams ask for usage; repeated prompts carry no id", () => {
  const [body = ""] = chatRequests(OPTIONS);
  assert.match(body, /"stream":true,"stream_options":\{"include_usage":true\}/);
  assert.match(body, /\{\{id\}\}/);
  const repeated = chatRequests({ ...OPTIONS, isAlwaysNew: false, stream: false });
  assert.ok(repeated.every((text) => !text.includes("{{id}}") && !text.includes("stream")));
  assert.equal(new Set(repeated).size, 8);
});
