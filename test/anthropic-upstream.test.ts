/** OpenAI's client in front, a Messages API behind: what goes there and what comes back, whole and as a stream. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import OpenAI from "openai";
import { defineLanguageModel, defineUpstream, secret, target } from "strata";
import { readEvents } from "./mock-upstream/event-client.ts";
import { openGatewayServer } from "./mock-upstream/gateway-server.ts";
import type { GatewayServer } from "./mock-upstream/gateway-server.ts";
import { openMockAnthropic } from "./mock-upstream/mock-anthropic.ts";
import type { MockAnthropic } from "./mock-upstream/mock-anthropic.ts";

const tools: OpenAI.ChatCompletionTool[] = [{ type: "function", function: { name: "weather", description: "Now", parameters: { type: "object", properties: { city: { type: "string" } } } } }];
const ask = { role: "user" as const, content: "Weather in Basel?" };
/** Anthropic's 10 input tokens, with 2 that its cache took and 5 that it held. */
const USAGE = { inputTokens: 17, cachedInputTokens: 5, reasoningTokens: 0 };

describe("Anthropic behind OpenAI's API", () => {
  let mock: MockAnthropic;
  let server: GatewayServer;
  let client: OpenAI;
  before(async () => {
    mock = await openMockAnthropic();
    const upstream = defineUpstream("claude", { dialect: "anthropic", url: mock.url, apiKey: secret("CLAUDE_KEY") });
    server = await openGatewayServer({ models: [defineLanguageModel("small", { targets: [target(upstream, { model: "claude-1" })], retries: 0 })], environment: { CLAUDE_KEY: "sk-ant" } });
    client = new OpenAI({ baseURL: server.url, apiKey: "x", maxRetries: 0 });
  });
  after(async () => {
    await server[Symbol.asyncDispose]();
    await mock[Symbol.asyncDispose]();
  });

  test("a chat: system prompt, images, limits and stop sequences", async () => {
    server.forget();
    const { choices, usage, model } = await client.chat.completions.create({
      model: "small", max_tokens: 100, temperature: 1.5, stop: "END", user: "u1", seed: 4,
      messages: [{ role: "system", content: "Be kind." }, { role: "user", content: [{ type: "text", text: "What is this?" }, { type: "image_url", image_url: { url: "data:image/png;base64,AAAA" } }] }],
    });
    assert.deepEqual([choices[0]?.message.content, choices[0]?.finish_reason, model], ["Hello from Claude", "stop", "claude-1"]);
    assert.deepEqual([usage?.prompt_tokens, usage?.completion_tokens, usage?.prompt_tokens_details?.cached_tokens], [17, 4, 5]);
    assert.deepEqual(mock.requests.at(-1), {
      model: "claude-1", max_tokens: 100, stream: false, system: [{ type: "text", text: "Be kind." }], temperature: 1, stop_sequences: ["END"], metadata: { user_id: "u1" },
      messages: [{ role: "user", content: [{ type: "text", text: "What is this?" }, { type: "image", source: { type: "base64", media_type: "image/png", data: "AAAA" } }] }],
    });
    assert.deepEqual((await server.settlements()).map(({ usage: booked }) => booked), [{ ...USAGE, outputTokens: 4 }]);
  });

  test("tools there and back", async () => {
    const first = await client.chat.completions.create({ model: "small", messages: [ask], tools, tool_choice: "required", parallel_tool_calls: false });
    const [call] = first.choices[0]!.message.tool_calls!;
    assert.ok(call?.type === "function" && call.function.arguments === "{\"city\":\"Basel\"}" && first.choices[0]!.finish_reason === "tool_calls");
    assert.deepEqual(mock.requests.at(-1)!["tool_choice"], { type: "any", disable_parallel_tool_use: true });
    const second = await client.chat.completions.create({ model: "small", tools, messages: [ask, first.choices[0]!.message, { role: "tool", tool_call_id: call.id, content: "12 degrees" }, { role: "user", content: "And now?" }] });
    assert.equal(second.choices[0]?.message.content, "Hello from Claude");
  });

  test("a stream: thinking, text, a tool call, usage", async () => {
    server.forget();
    const stream = client.chat.completions.stream({ model: "small", messages: [ask], tools, stream_options: { include_usage: true } });
    let thought = "";
    stream.on("chunk", ({ choices }) => { thought += (choices[0]?.delta as { readonly reasoning_content?: string } | undefined)?.reasoning_content ?? ""; });
    const { choices, usage } = await stream.finalChatCompletion();
    const [call] = choices[0]!.message.tool_calls ?? [];
    assert.ok(call?.type === "function" && call.function.arguments === "{\"city\":\"Basel\"}");
    assert.deepEqual([thought, choices[0]?.message.content, choices[0]?.finish_reason, usage?.prompt_tokens, usage?.completion_tokens], ["Hm.", "Hello from Claude", "tool_calls", 17, 6]);
    assert.deepEqual((await server.settlements()).map(({ usage: booked, isEstimated }) => [booked, isEstimated]), [[{ ...USAGE, outputTokens: 6 }, false]]);
  });

  for (const [fault, reason] of [["cut", /connection failed/], ["no-stop", /without message_stop/], ["error-event", /Overloaded/]] as const) {
    test(`a stream that breaks: ${fault}`, async () => {
      server.forget();
      mock.play(fault);
      const stream = await readEvents(server.url, { body: { model: "small", stream: true, messages: [ask] } });
      assert.deepEqual([stream.text, stream.sawDone, stream.endedProperly, stream.error?.code], ["Hello from Claude", false, false, "stream_broken"]);
      assert.match(stream.error?.message ?? "", reason);
      const [settlement] = await server.settlements();
      assert.equal(settlement?.outcome, "upstream-failed");
      assert.deepEqual([settlement.usage.inputTokens, settlement.usage.outputTokens], fault === "no-stop" ? [17, 6] : [17, 5], "the input as told, the output as counted where it was not");
    });
  }

  test("errors", async () => {
    mock.play("invalid");
    await assert.rejects(client.chat.completions.create({ model: "small", messages: [ask] }), (thrown) => thrown instanceof OpenAI.BadRequestError && /too many/.test(thrown.message));
    mock.play("overloaded");
    await assert.rejects(client.chat.completions.create({ model: "small", messages: [ask] }), OpenAI.RateLimitError);
    await assert.rejects(client.embeddings.create({ model: "small", input: "x" }), (thrown) => thrown instanceof OpenAI.BadRequestError && thrown.code === "operation_unsupported");
    await assert.rejects(client.chat.completions.create({ model: "small", messages: [ask], n: 2 }), OpenAI.BadRequestError);
  });
});
