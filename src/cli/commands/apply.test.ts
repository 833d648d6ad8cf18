import assert from "node:assert/strict";
import { test } from "node:test";
import { openFakeServer, runStrata, type FakeServer } from "../../../test/fake-strata-server.ts";
import { openTemporaryProject } from "../../../test/temporary-project.ts";
import { StrataError } from "../../kernel/errors.ts";
import type { ResourceChange } from "../../platform/definition.ts";
import type { Host } from "../host.ts";

const APP = "import { defineApplication, defineStream, z } from \"strata\";\nexport default defineApplication(\"shop\", [defineStream(\"clicks\", { schema: z.object({ id: z.string() }) })]);\n";
const changes: readonly ResourceChange[] = [{ kind: "streams", name: "clicks", action: "create", changes: [], effect: "opens a log" }];

/** What a person types at a terminal. */
function typed(text: string): Host["stdin"] {
  return Object.assign((async function* () { yield text; })(), { isTTY: true });
}

function serverThatPlans(planned: readonly ResourceChange[], refusal?: StrataError): Promise<FakeServer> {
  return openFakeServer((line) => {
    if (line === "POST /v1/apply" && refusal !== undefined) throw refusal;
    return { body: { changes: planned } };
  });
}

test("the plan is shown, and applied when the answer is yes", async () => {
  await using project = await openTemporaryProject({ "app.ts": APP });
  await using server = await serverThatPlans(changes);
  const { code, host } = await runStrata(["apply"], server, { workingDirectory: project.folder, stdin: typed("y\n") });
  assert.equal(code, 0);
  assert.match(host.output(), /^shop: 1 to create, 0 to update, 0 to delete\n\n {2}\+ streams\.clicks {2}opens a log\n\nshop [0-9a-f]{12} runs, with 1 change\.\n$/);
  assert.match(host.errors(), /^Apply this to http:\/\/127\.0\.0\.1:\d+\? \[y\/N\]\n✓ applied to http:/);
  assert.deepEqual(server.lines(), ["POST /v1/plan", "POST /v1/apply"]);
  assert.match((JSON.parse(server.requests[1]!.text) as { hash: string }).hash, /^[0-9a-f]{64}$/);
});

test("any other answer applies nothing", async () => {
  await using project = await openTemporaryProject({ "app.ts": APP });
  await using server = await serverThatPlans(changes);
  for (const answer of ["n\n", "\n", "yes please\n", ""]) {
    const { code, host } = await runStrata(["apply"], server, { workingDirectory: project.folder, stdin: typed(answer) });
    assert.equal(code, 1);
    assert.match(host.output(), /Nothing was applied\.\n$/);
  }
  assert.ok(!server.lines().includes("POST /v1/apply"));
});

test("a script must say --yes, and then is not asked", async () => {
  await using project = await openTemporaryProject({ "app.ts": APP });
  await using server = await serverThatPlans(changes);
  const refused = await runStrata(["apply"], server, { workingDirectory: project.folder });
  assert.equal(refused.code, 2);
  assert.match(refused.host.errors(), /There is no terminal to ask at; give --yes to apply without asking\./);
  const applied = await runStrata(["apply", "--yes", "--json"], server, { workingDirectory: project.folder });
  assert.equal(applied.code, 0);
  assert.deepEqual((applied.host.json() as { applied: boolean }).applied, true);
});

test("nothing to do is no question and no request", async () => {
  await using project = await openTemporaryProject({ "app.ts": APP });
  await using server = await serverThatPlans([]);
  const { code, host } = await runStrata(["apply"], server, { workingDirectory: project.folder });
  assert.equal(code, 0);
  assert.equal(host.output(), "shop is up to date: the server runs this definition\n");
  assert.deepEqual(server.lines(), ["POST /v1/plan"]);
});

test("a server with another file refuses, and its reason is shown", async () => {
  await using project = await openTemporaryProject({ "app.ts": APP });
  await using server = await serverThatPlans(changes, new StrataError("REQUEST_INVALID", { reason: "The server's definition file has another hash." }));
  const { code, host } = await runStrata(["apply", "-y"], server, { workingDirectory: project.folder });
  assert.equal(code, 1);
  assert.match(host.errors(), /✗ applying .*\nerror REQUEST_INVALID The server's definition file has another hash\./);
});

test("without a server there is nothing to apply to", async () => {
  await using project = await openTemporaryProject({ "app.ts": APP });
  const { code, host } = await runStrata(["apply", "--yes"], { url: "http://127.0.0.1:9" }, { workingDirectory: project.folder });
  assert.equal(code, 1);
  assert.match(host.errors(), /^error SERVER_UNREACHABLE /);
});
