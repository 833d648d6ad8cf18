/**
 * A local model for real: node-llama-cpp from the registry in a folder of its own, a GGUF file of random weights that is
 * written here, and OpenAI's client in front. Skipped where the package cannot be installed or has no binary for the machine.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { promisify } from "node:util";
import OpenAI from "openai";
import { defineLanguageModel, defineUpstream, target } from "strata";
import { openGatewayServer } from "../mock-upstream/gateway-server.ts";
import { readEvents } from "../mock-upstream/event-client.ts";
import { tinyGguf } from "./tiny-gguf.ts";

const FOLDER = join(tmpdir(), "strata-llama-3.22.1");
const PACKAGES = ["node-llama-cpp@3.22.1", `@node-llama-cpp/linux-${process.arch === "arm64" ? "arm64" : "x64"}@3.22.1`];
const messages = [{ role: "user" as const, content: "Hello" }];

/** Undefined when it is there; otherwise why it is not. */
async function install(): Promise<string | undefined> {
  if (process.platform !== "linux") return "the test knows the package's name for Linux only";
  if (existsSync(join(FOLDER, "node_modules", "node-llama-cpp"))) return undefined;
  await mkdir(FOLDER, { recursive: true });
  await writeFile(join(FOLDER, "package.json"), "{}");
  return promisify(execFile)("npm", ["install", "--omit=optional", "--no-audit", "--no-fund", ...PACKAGES], { cwd: FOLDER, timeout: 300_000 }).then(() => undefined, (thrown: unknown) => String(thrown).slice(0, 500));
}

test("without the package, a clear error", async () => {
  const upstream = defineUpstream("local", { dialect: "llama", url: "nothing.gguf" });
  await using server = await openGatewayServer({ models: [defineLanguageModel("tiny", { targets: [target(upstream, { model: "tiny" })], retries: 0 })], folder: tmpdir() });
  const { error } = await (await fetch(`${server.url}/chat/completions`, { method: "POST", body: JSON.stringify({ model: "tiny", messages }) })).json() as { readonly error: { readonly code: string; readonly message: string } };
  assert.equal(error.code, "runtime_missing");
  assert.match(error.message, /npm install --omit=optional node-llama-cpp/);
});

describe("a local model", { timeout: 400_000 }, () => {
  test("chats, streams, completes and embeds; its own counts are booked", async (context) => {
    const obstacle = await install();
    if (obstacle !== undefined) return context.skip(obstacle);
    await writeFile(join(FOLDER, "tiny.gguf"), tinyGguf());
    const upstream = defineUpstream("local", { dialect: "llama", url: "tiny.gguf" });
    await using server = await openGatewayServer({ models: [defineLanguageModel("tiny", { targets: [target(upstream, { model: "tiny" })], retries: 0, firstTokenTimeout: "60s" })], folder: FOLDER });
    const client = new OpenAI({ baseURL: server.url, apiKey: "x", maxRetries: 0 });

    const { choices, usage } = await client.chat.completions.create({ model: "tiny", messages, max_tokens: 16, temperature: 0 });
    assert.ok(choices[0]!.message.content!.length > 0);
    assert.deepEqual([choices[0]!.finish_reason, usage!.completion_tokens], ["length", 16]);
    assert.ok(usage!.prompt_tokens > 0);

    const stream = await readEvents(server.url, { body: { model: "tiny", messages, max_tokens: 16, temperature: 0, stream: true } });
    assert.deepEqual([stream.status, stream.sawDone, stream.finishReasons], [200, true, ["length"]], stream.bytes);
    assert.equal(stream.text, choices[0]!.message.content, "the same seedless text, piece by piece");

    const completion = await client.completions.create({ model: "tiny", prompt: "Once upon a time", max_tokens: 8, temperature: 0 });
    assert.equal(completion.usage?.completion_tokens, 8);
    const answers = await Promise.all(Array.from({ length: 8 }, () => client.chat.completions.create({ model: "tiny", messages, max_tokens: 16, temperature: 0 })));
    assert.ok(answers.every((answer) => answer.usage?.completion_tokens === 16), "more calls than sequences wait their turn");

    const { data } = await client.embeddings.create({ model: "tiny", input: ["one", "two"] });
    assert.deepEqual(data.map(({ embedding }) => embedding.length), [64, 64]);
    await assert.rejects(client.chat.completions.create({ model: "tiny", messages, tools: [{ type: "function", function: { name: "f", parameters: {} } }] }), OpenAI.BadRequestError);

    const left = await readEvents(server.url, { body: { model: "tiny", messages, max_tokens: 1_500, stream: true }, leaveAfter: 3 });
    assert.equal(left.endedProperly, false);
    const settlements = await settlementsOf(server, 14);
    assert.deepEqual(settlements.slice(0, 2).map(({ usage: booked, isEstimated }) => [booked.outputTokens, isEstimated]), [[16, false], [16, false]]);
    assert.equal(settlements.at(-1)?.outcome, "client-gone");
  });
});

async function settlementsOf(server: Awaited<ReturnType<typeof openGatewayServer>>, count: number) {
  for (;;) {
    const settlements = await server.settlements();
    if (settlements.length >= count) return settlements;
    await new Promise((resolve) => { setTimeout(resolve, 50); });
  }
}
