/**
 * Where vectors of texts come from, through a running platform: a language model at an upstream, a served function, a
 * served ONNX file. Points follow a stream, are upserted as texts, and are searched by text over HTTP.
 */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { defineApplication, defineLanguageModel, defineServedModel, defineStream, defineUpstream, defineVectorIndex, fromModel, fromUpstream, functionModel, onnxModel, target, tensor, z } from "strata";
import type { Platform } from "strata/testing";
import { openMockUpstream } from "./mock-upstream/mock-upstream.ts";
import { ONNX_TYPE, onnxBytes } from "./scenarios/onnx-builder.ts";
import { openTestPlatform, send, temporaryFolder } from "./scenarios/platform-kit.ts";

const articles = defineStream("articles", { schema: z.object({ slug: z.string(), body: z.string() }) });

interface Found {
  readonly hits: readonly { readonly id: string | number; readonly score: number; readonly payload: Readonly<Record<string, unknown>> }[];
}

const indexOf = (dimensions: number, embedding: ReturnType<typeof fromModel>) => defineVectorIndex("texts", { dimensions, embedding, payload: z.object({ slug: z.string() }), points: { from: articles, key: "slug", text: "body" } });

async function ask(platform: Platform, path: string, body: object): Promise<{ readonly status: number; readonly json: unknown }> {
  return await send(platform.url, { path: `/v1/vectors/texts/${path}`, body });
}

async function search(platform: Platform, text: string, limit = 1): Promise<Found["hits"]> {
  const { status, json } = await ask(platform, "search", { text, limit });
  assert.equal(status, 200, JSON.stringify(json));
  return (json as Found).hits;
}

const write = (platform: Platform, rows: Readonly<Record<string, string>>) => platform.ingestion.ingestRows("articles", Object.entries(rows).map(([slug, body]) => ({ row: { slug, body } })));

test("fromUpstream: points of a stream, upserts and searches are embedded by the gateway's language model", async () => {
  await using folder = await temporaryFolder();
  await using upstream = await openMockUpstream();
  const embedder = defineLanguageModel("embedder", { targets: [target(defineUpstream("mock", { url: upstream.url }), { model: "text-embedding-mock" })], retries: 1 });
  const application = defineApplication("library", [indexOf(8, fromUpstream(embedder))]); // the mock embeds a text's first eight bytes
  await using platform = await openTestPlatform(application, { dataDir: folder.path });
  await write(platform, { a: "aaaaaaaa", z: "azazazaz", m: "mmmmaaaa" });
  const [hit] = await search(platform, "azazazaz");
  assert.deepEqual([hit?.payload["slug"], hit!.score > 0.999_999], ["z", true]);
  assert.deepEqual(upstream.requests.map(({ path, body }) => `${path} ${String(body["model"])} ${String(body["input"])}`).toSorted(), ["aaaaaaaa", "azazazaz", "azazazaz", "mmmmaaaa"].map((input) => `/v1/embeddings text-embedding-mock ${input}`));

  assert.deepEqual((await ask(platform, "points", { points: [{ id: 7, text: "zzzzaaaa", payload: { slug: "by hand" } }] })).json, { upserted: 1, points: 4 });
  assert.deepEqual((await search(platform, "zzzzaaaa")).map(({ id, payload }) => [id, payload]), [[7, { slug: "by hand" }]]);

  upstream.play({ status: 503 });
  assert.equal((await search(platform, "mmmmaaaa"))[0]?.payload["slug"], "m", "the gateway's retries stand behind the embedding");
  upstream.play({ status: 400 });
  const refused = await ask(platform, "search", { text: "more" });
  assert.equal(refused.status, 502);
  assert.match(JSON.stringify(refused.json), /EMBEDDING_FAILED.*texts/);
  upstream.play({ status: 400 });
  assert.equal((await ask(platform, "points", { points: [{ id: 8, text: "lost" }] })).status, 502);
  assert.equal(((await send(platform.url, { path: "/v1/vectors/texts" })).json as { readonly points: number }).points, 4, "nothing was stored");
});

test("fromUpstream: an embedding of another length is told, and never stored", async () => {
  await using folder = await temporaryFolder();
  await using upstream = await openMockUpstream();
  const embedder = defineLanguageModel("embedder", { targets: [target(defineUpstream("mock", { url: upstream.url }), { model: "text-embedding-mock" })] });
  await using platform = await openTestPlatform(defineApplication("library", [indexOf(9, fromUpstream(embedder))]), { dataDir: folder.path });
  assert.deepEqual([(await ask(platform, "points", { points: [{ id: 1, text: "one" }] })).status, (await ask(platform, "search", { text: "one" })).status], [400, 400]);
});

const LETTERS = 26;

/** How often each letter stands in a text. */
function lettersOf(text: string): readonly number[] {
  return Array.from({ length: LETTERS }, (_, at) => text.split(String.fromCodePoint(97 + at)).length - 1);
}

for (const isColumn of [false, true]) {
  test(`fromModel: a served function of texts [n${isColumn ? ", 1" : ""}], asked by its names`, async () => {
    await using folder = await temporaryFolder();
    const rows: number[] = [];
    const letters = defineServedModel("letters", {
      source: functionModel({
        inputs: { text: tensor("BYTES", isColumn ? [-1, 1] : [-1]) }, outputs: { length: tensor("FP32", [-1, 1]), counts: tensor("FP32", [-1, LETTERS]) },
        infer: ({ text: { data } }) => {
          rows.push(data.length);
          const texts = data.map((bytes) => Buffer.from(bytes).toString());
          return { length: { shape: [texts.length, 1], data: Float32Array.from(texts, ({ length }) => length) }, counts: { shape: [texts.length, LETTERS], data: Float32Array.from(texts.flatMap(lettersOf)) } };
        },
      }),
    });
    await using platform = await openTestPlatform(defineApplication("library", [indexOf(LETTERS, fromModel(letters, { input: "text", output: "counts" }))]), { dataDir: folder.path });
    await write(platform, { tea: "a hot tea", cake: "a sweet cake", soup: "soup of beetroot" });
    assert.deepEqual((await search(platform, "beetroot soup of", 3)).map(({ payload }) => payload["slug"])[0], "soup");
    assert.ok(rows.includes(3), `the points of one batch are one call: ${rows.join(", ")}`);
    assert.deepEqual((await ask(platform, "points", { points: [{ id: 1, text: "zzz", payload: { slug: "sleep" } }] })).status, 200);
    assert.equal((await search(platform, "zz"))[0]?.payload["slug"], "sleep");
  });
}

test("fromModel: an ONNX file from texts to vectors, batched with others, after a restart", async () => {
  await using folder = await temporaryFolder();
  const labels = ["tea", "soup", "cake", "coffee"];
  const file = join(folder.path, "labels.onnx");
  // A label's number, times a row of frequencies, gives every label its own direction.
  writeFileSync(file, onnxBytes({
    inputs: [{ name: "text", type: ONNX_TYPE.STRING, shape: ["n", 1] }], outputs: [{ name: "vector", type: ONNX_TYPE.FLOAT, shape: ["n", 4] }],
    weights: [{ name: "frequencies", shape: [1, 4], values: Float32Array.of(0.3, 0.9, 1.7, 2.9) }],
    nodes: [
      { operator: "LabelEncoder", domain: "ai.onnx.ml", inputs: ["text"], outputs: ["number"], attributes: { keys_strings: { strings: labels }, values_floats: { floats: labels.map((_, at) => at + 1) }, default_float: { float: 0.5 } } },
      { operator: "MatMul", inputs: ["number", "frequencies"], outputs: ["angle"] }, { operator: "Sin", inputs: ["angle"], outputs: ["vector"] },
    ],
  }));
  const application = defineApplication("library", [indexOf(4, fromModel(defineServedModel("labels", { source: onnxModel(file) })))]);
  const dataDir = join(folder.path, "data");
  {
    await using platform = await openTestPlatform(application, { dataDir });
    await write(platform, Object.fromEntries(labels.map((label) => [label, label])));
    for (const label of labels) assert.deepEqual((await search(platform, label)).map(({ payload }) => payload["slug"]), [label]);
  }
  await using platform = await openTestPlatform(application, { dataDir });
  const [hit] = await search(platform, "coffee");
  assert.deepEqual([hit?.payload["slug"], hit!.score > 0.999_999], ["coffee", true]);
});
