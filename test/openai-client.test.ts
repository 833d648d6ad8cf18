/**
 * OpenAI's own JavaScript client, unmodified, against the whole platform: models, chat, streams, tools, embeddings,
 * completions, responses and errors, in the shapes that its types promise.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import OpenAI from "openai";
import { defineApplication, defineLanguageModel, defineUpstream, secret, target } from "strata";
import type { Platform } from "strata/testing";
import { openTestPlatform, temporaryFolder } from "./scenarios/platform-kit.ts";
import { WORDS } from "./mock-upstream/behaviour.ts";
import { openMockUpstream } from "./mock-upstream/mock-upstream.ts";
import type { MockUpstream } from "./mock-upstream/mock-upstream.ts";

const ANSWER = WORDS.join("");
const messages = [{ role: "user" as const, content: "Hello" }];
const tools: OpenAI.ChatCompletionTool[] = [{ type: "function", function: { name: "weather", parameters: { type: "object", properties: { city: { type: "string" } } } } }];

describe("the openai client", () => {
  const stack = new AsyncDisposableStack();
  let mock: MockUpstream;
  let platform: Platform;
  let client: OpenAI;
  before(async () => {
    process.env["MOCK_UPSTREAM_KEY"] = "sk-upstream";
    mock = stack.use(await openMockUpstream({ apiKey: "sk-upstream" }));
    const folder = stack.use(await temporaryFolder());
    const upstream = defineUpstream("mock", { url: mock.url, apiKey: secret("MOCK_UPSTREAM_KEY") });
    const keyless = defineUpstream("keyless", { url: mock.url });
    const small = defineLanguageModel("small", { targets: [target(upstream, { model: "mock-1" })], retries: 0 });
    const application = defineApplication("chat", [
      small, defineLanguageModel("remembering", { targets: [target(upstream, { model: "mock-1" })], semanticCache: { minSimilarity: 0.99, embedWith: small, keepFor: "1m" } }),
      defineLanguageModel("wrong-key", { targets: [target(keyless, { model: "mock-1" })], retries: 0 }),
    ]);
    platform = stack.use(await openTestPlatform(application, { dataDir: folder.path }));
    client = new OpenAI({ baseURL: `${platform.url}/v1`, apiKey: "sk-anything", maxRetries: 0 });
  });
  after(() => stack.disposeAsync());

  test("models", async () => {
    const names: string[] = [];
    for await (const model of client.models.list()) names.push(model.id);
    assert.deepEqual(names, ["small", "remembering", "wrong-key"]);
    assert.equal((await client.models.retrieve("small")).object, "model");
    await assert.rejects(client.models.retrieve("nobody"), OpenAI.NotFoundError);
  });

  test("chat", async () => {
    const { data, response } = await client.chat.completions.create({ model: "small", messages, temperature: 0.5 }).withResponse();
    assert.equal(data.choices[0]?.message.content, ANSWER);
    assert.equal(data.usage?.completion_tokens, 15);
    assert.match(response.headers.get("server-timing") ?? "", /^gateway;dur=\d/);
    const { body } = mock.requests.at(-1)!;
    assert.deepEqual([body["model"], body["temperature"], body["max_tokens"]], ["mock-1", 0.5, 4_096]);
  });

  test("a stream, and its usage only when asked for", async () => {
    let text = "";
    for await (const chunk of await client.chat.completions.create({ model: "small", messages, stream: true })) {
      text += chunk.choices[0]?.delta.content ?? "";
      assert.ok(chunk.choices.length === 1 && !chunk.usage);
    }
    assert.equal(text, ANSWER);
    const chunks = await collect(await client.chat.completions.create({ model: "small", messages, stream: true, stream_options: { include_usage: true } }));
    assert.deepEqual([chunks.at(-1)?.choices, chunks.at(-1)?.usage?.completion_tokens], [[], 15]);
  });

  test("the client's stream helper puts tool calls together", async () => {
    const completion = await client.chat.completions.stream({ model: "small", messages, tools }).finalChatCompletion();
    const [call] = completion.choices[0]!.message.tool_calls ?? [];
    assert.deepEqual([completion.choices[0]!.finish_reason, call?.type === "function" && call.function.name, call?.type === "function" && call.function.arguments], ["tool_calls", "weather", "{\"city\":\"Basel\"}"]);
  });

  test("a tool call and its result", async () => {
    const first = await client.chat.completions.create({ model: "small", messages, tools });
    const [call] = first.choices[0]!.message.tool_calls!;
    const second = await client.chat.completions.create({ model: "small", tools, messages: [...messages, first.choices[0]!.message, { role: "tool", tool_call_id: call!.id, content: "12 degrees" }] });
    assert.equal(second.choices[0]?.message.content, ANSWER);
  });

  test("completions, also as a stream", async () => {
    const { choices } = await client.completions.create({ model: "small", prompt: "Once upon" });
    assert.equal(choices[0]?.text, ANSWER);
    const chunks = await collect(await client.completions.create({ model: "small", prompt: "Once upon", stream: true }));
    assert.equal(chunks.map((chunk) => chunk.choices[0]?.text).join(""), ANSWER);
  });

  test("responses: texts, instructions, tools and their results", async () => {
    const first = await client.responses.create({ model: "small", instructions: "Be brief.", input: "Hello", max_output_tokens: 50 });
    assert.deepEqual([first.status, first.output_text, first.usage?.output_tokens], ["completed", ANSWER, 15]);
    assert.deepEqual(mock.requests.at(-1)!.body["messages"], [{ role: "system", content: "Be brief." }, { role: "user", content: "Hello" }]);
    const asked = await client.responses.create({ model: "small", input: "Weather?", tools: [{ type: "function", name: "weather", parameters: { type: "object" }, strict: false }] });
    const [call] = asked.output;
    assert.ok(call?.type === "function_call" && call.name === "weather" && call.arguments === "{\"city\":\"Basel\"}");
    await client.responses.create({ model: "small", input: [{ role: "user", content: "Weather?" }, call, { type: "function_call_output", call_id: call.call_id, output: "12 degrees" }] });
    assert.deepEqual(mock.requests.at(-1)!.body["messages"], [
      { role: "user", content: "Weather?" },
      { role: "assistant", content: null, tool_calls: [{ id: call.call_id, type: "function", function: { name: "weather", arguments: "{\"city\":\"Basel\"}" } }] },
      { role: "tool", tool_call_id: call.call_id, content: "12 degrees" },
    ]);
    assert.equal((await client.responses.create({ model: "small", input: "Hello", max_output_tokens: 3 })).incomplete_details?.reason, "max_output_tokens");
    await assert.rejects(client.responses.create({ model: "small", input: "Hello", previous_response_id: "resp_1" }), (thrown) => thrown instanceof OpenAI.BadRequestError && thrown.param === "previous_response_id");
  });

  test("responses as a stream: the events in their order, numbered, and the client's own helper", async () => {
    const events = await collect(await client.responses.create({ model: "small", input: "Hello", stream: true }));
    assert.deepEqual(events.map((event) => event.sequence_number), events.map((_, at) => at));
    const kinds = events.map(({ type }) => type).filter((type, at, all) => type !== all[at - 1]);
    assert.deepEqual(kinds, [
      "response.created", "response.in_progress", "response.output_item.added", "response.content_part.added", "response.output_text.delta",
      "response.output_text.done", "response.content_part.done", "response.output_item.done", "response.completed",
    ]);
    const last = events.at(-1)!;
    assert.ok(last.type === "response.completed" && last.response.usage?.output_tokens === 15);
    const response = await client.responses.stream({ model: "small", input: "Hello", tools: [{ type: "function", name: "weather", parameters: {}, strict: false }] }).finalResponse();
    const [call] = response.output;
    assert.ok(call?.type === "function_call" && call.arguments === "{\"city\":\"Basel\"}");
    mock.play({ cutAfter: 4 });
    await assert.rejects(async () => collect(await client.responses.create({ model: "small", input: "Hello", stream: true })), OpenAI.APIError);
  });

  test("embeddings, which the client asks for in base64", async () => {
    const { data, usage } = await client.embeddings.create({ model: "small", input: ["one", "two"] });
    assert.deepEqual(data.map(({ embedding }) => embedding.length), [8, 8]);
    assert.ok(Math.abs(data[0]!.embedding[0]! - "o".charCodeAt(0) / 255) < 1e-6);
    assert.equal(usage.prompt_tokens, 2);
  });

  test("a limit of tokens ends with length", async () => {
    const { choices, usage } = await client.chat.completions.create({ model: "small", messages, max_completion_tokens: 3 });
    assert.deepEqual([choices[0]?.finish_reason, usage?.completion_tokens], ["length", 3]);
    assert.equal(mock.requests.at(-1)!.body["max_completion_tokens"], 3);
  });

  test("errors are the client's own classes", async () => {
    await assert.rejects(client.chat.completions.create({ model: "nobody", messages }), (thrown) => thrown instanceof OpenAI.NotFoundError && thrown.code === "model_not_found" && thrown.param === "model");
    await assert.rejects(client.chat.completions.create({ model: "small", messages: [] }), (thrown) => thrown instanceof OpenAI.BadRequestError && thrown.param === "messages");
    await assert.rejects(client.chat.completions.create({ model: "small", messages, max_tokens: -1 }), OpenAI.BadRequestError);
    await assert.rejects(client.chat.completions.create({ model: "wrong-key", messages }), (thrown) => thrown instanceof OpenAI.InternalServerError && thrown.status === 502);
    mock.play({ status: 429, retryAfterSeconds: 1 });
    await assert.rejects(client.chat.completions.create({ model: "small", messages }), (thrown) => thrown instanceof OpenAI.RateLimitError && thrown.headers.get("retry-after") === "1");
    await new Promise((resolve) => { setTimeout(resolve, 1_010); });
    mock.play({ status: 400, error: { message: "bad seed", type: "invalid_request_error", param: "seed", code: "bad_seed" } });
    await assert.rejects(client.chat.completions.create({ model: "small", messages }), (thrown) => thrown instanceof OpenAI.BadRequestError && thrown.param === "seed" && thrown.code === "bad_seed");
  });

  test("a stream that breaks raises, after what had come", async () => {
    mock.play({ cutAfter: 4 });
    let text = "";
    await assert.rejects(async () => {
      for await (const chunk of await client.chat.completions.create({ model: "small", messages, stream: true })) text += chunk.choices[0]?.delta.content ?? "";
    }, (thrown) => thrown instanceof OpenAI.APIError && /broke after 5 pieces/.test(thrown.message));
    assert.equal(text, WORDS.slice(0, 4).join(""));
  });

  test("a question like an earlier one is answered from memory, by the platform's own embeddings", async () => {
    const ask = async (content: string): Promise<string | null> => (await client.chat.completions.create({ model: "remembering", messages: [{ role: "user", content }] }).withResponse()).response.headers.get("strata-cache");
    assert.deepEqual([await ask("How do I reset my password?"), await ask("How do I reset my password?"), await ask("zzzzzzzz")], ["miss", "similar", "miss"]);
  });

  test("the state of the upstreams", async () => {
    const { languageModels } = await (await fetch(`${platform.url}/v1/upstreams`)).json() as { readonly languageModels: readonly { readonly name: string; readonly replicas: readonly { readonly name: string; readonly calls: { readonly ok: number } }[] }[] };
    assert.equal(languageModels[0]?.replicas[0]?.name, "0:mock/mock-1");
    assert.ok(languageModels[0].replicas[0].calls.ok > 5);
  });
});

async function collect<T>(items: AsyncIterable<T>): Promise<readonly T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}
