import assert from "node:assert/strict";
import { test } from "node:test";
import { openFakeServer, runStrata } from "../../../test/fake-strata-server.ts";
import { openTemporaryProject } from "../../../test/temporary-project.ts";
import type { ResourceChange } from "../../platform/definition.ts";
import { createPalette, plainPalette } from "../terminal/color.ts";
import { renderPlan, type DefinitionPlan } from "./definition-plan.ts";

const APP = "import { defineApplication, defineStream, z } from \"strata\";\nexport default defineApplication(\"shop\", [defineStream(\"clicks\", { schema: z.object({ id: z.string() }) })]);\n";
const changes: readonly ResourceChange[] = [
  { kind: "streams", name: "clicks", action: "create", changes: [], effect: "opens a log" },
  { kind: "models", name: "ranker", action: "update", effect: "the next training uses the new definition", changes: [
    { path: "trainer.parameters.trees", from: 200, to: 300 }, { path: "description", from: undefined, to: "x".repeat(100) },
  ] },
  { kind: "endpoints", name: "old", action: "delete", changes: [], effect: "stops answering" },
];

function planOf(plan: Partial<DefinitionPlan>): DefinitionPlan {
  return { application: "shop", hash: "h", file: "app.ts", server: "http://x", changes, ...plan };
}

test("a plan names every resource, what it means, and each value", () => {
  assert.equal(renderPlan(planOf({}), plainPalette), [
    "shop: 1 to create, 1 to update, 1 to delete",
    "",
    "  + streams.clicks  opens a log",
    "  ~ models.ranker   the next training uses the new definition",
    "      trainer.parameters.trees  200 → 300",
    `      description  nothing → "${"x".repeat(58)}…`,
    "  - endpoints.old   stops answering",
  ].join("\n"));
  assert.equal(renderPlan(planOf({ changes: [] }), plainPalette), "shop is up to date: the server runs this definition");
});

test("created is green, changed yellow, deleted red", () => {
  const text = renderPlan(planOf({}), createPalette(true));
  for (const part of ["\u001B[32m+ streams.clicks", "\u001B[33m~ models.ranker", "\u001B[31m- endpoints.old", "\u001B[31m200\u001B[39m → \u001B[32m300"]) assert.ok(text.includes(part), part);
});

test("the server compares the whole document; the status tells changes when asked to", async () => {
  await using project = await openTemporaryProject({ "app.ts": APP });
  let answer: readonly ResourceChange[] = changes;
  await using server = await openFakeServer((line) => (line === "POST /v1/plan" ? { body: { changes: answer } } : undefined));
  const plan = (...words: readonly string[]) => runStrata(["plan", ...words], server, { workingDirectory: project.folder });
  const plain = await plan();
  assert.equal(plain.code, 0);
  assert.match(plain.host.output(), /^shop: 1 to create, 1 to update, 1 to delete\n/);
  assert.equal(plain.host.errors(), "next: `strata apply` applies this\n");
  const { document } = JSON.parse(server.requests[0]!.text) as { document: { name: string; resources: { streams: object } } };
  assert.deepEqual([document.name, Object.keys(document.resources.streams)], ["shop", ["clicks"]]);
  assert.equal((await plan("--detailed-exit-code")).code, 2);
  answer = [];
  assert.equal((await plan("--detailed-exit-code")).code, 0);
});

test("without a server everything is new, and the plan says so", async () => {
  await using project = await openTemporaryProject({ "shop.ts": APP });
  const { code, host } = await runStrata(["plan", "shop.ts"], { url: "http://127.0.0.1:9" }, { workingDirectory: project.folder });
  assert.equal(code, 0);
  assert.equal(host.output(), "shop: 1 to create, 0 to update, 0 to delete (no server to compare with)\n\n  + streams.clicks  opens a log\n");
  assert.match(host.errors(), /^! No Strata server answers at http:\/\/127\.0\.0\.1:9: .*; compared with nothing\n$/);
});

test("a definition with problems is told with all of them", async () => {
  await using project = await openTemporaryProject({
    "app.ts": APP.replace("\"shop\"", "\"Shop\"").replace("\"clicks\"", "\"Clicks\""),
  });
  const { code, host } = await runStrata(["plan"], undefined, { workingDirectory: project.folder });
  assert.equal(code, 1);
  assert.match(host.errors(), /^error DEFINITION_INVALID The definition has 2 problem\(s\):\n {2}- application: "Shop" is not a name/);
});
