/** Serving over HTTP: who answers, what happens when nobody can, and that every answer is on record. */
import assert from "node:assert/strict";
import { Agent, request as httpRequest } from "node:http";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { canary, defineApplication, defineEndpoint, defineModel, defineOnDemand, z } from "strata";
import type { Application } from "strata";
import { createRandom, createReplayClock } from "strata/testing";
import type { ManualClock, Platform } from "strata/testing";
import { guess, heat, wear } from "./maintenance-app.ts";
import { createMaintenanceWorld } from "./maintenance-world.ts";
import type { MaintenanceWorld } from "./maintenance-world.ts";
import { openTestPlatform, send, temporaryFolder, until } from "./platform-kit.ts";

/** A machine this hot makes the on-demand feature think for long. */
const BLAZING = 5_000;
const THINKING_MS = 30;

interface Answer {
  readonly decision: string;
  readonly version: number;
  readonly variant: string;
  readonly outputs: readonly number[];
  readonly fallbackReason?: string;
}

/** The maintenance application with a feature that can be slow, and says so, and an endpoint that does not wait. */
function servingApplication({ onThinking, onSeen }: { readonly onThinking: () => void; readonly onSeen: (celsius: number | null) => void }): Application {
  const strain = defineOnDemand("strain", {
    from: [heat], outputs: ["excess"],
    compute: ({ heat: { now } }) => {
      onSeen(now);
      if (now === BLAZING) think(onThinking);
      return { excess: now === null ? null : now - 45.5 };
    },
  });
  const model = defineModel("wear", { ...wear, features: [heat, strain], retrain: [] });
  const options = { model, request: guess.request, keys: { machine: "machine" }, fallback: 0.25 } as const;
  return defineApplication("serving", [
    defineEndpoint("guess", { ...options, deadline: "30s", outcome: guess.outcome!, rollout: canary({ steps: [0.3], shadowRequests: 10, minimumOutcomes: 10_000 }) }),
    defineEndpoint("hurry", { ...options, deadline: "10ms", request: z.object({ machine: z.string() }) }),
  ]);
}

function think(onThinking: () => void): void {
  onThinking();
  const endMs = performance.now() + THINKING_MS;
  while (performance.now() < endMs);
}

interface Served {
  platform: Platform;
  /** Slow rows so far. */
  thinking: number;
  /** The temperature in the row that was made last. */
  seen: number | null;
  readonly clock: ManualClock;
  readonly world: MaintenanceWorld;
}

test("serving", { timeout: 120_000 }, async (context) => {
  await using folder = await temporaryFolder();
  const clock = createReplayClock(Date.UTC(2026, 0, 5));
  const application = servingApplication({ onThinking: () => { served.thinking += 1; }, onSeen: (celsius) => { served.seen = celsius; } });
  const open = () => openTestPlatform(application, { dataDir: folder.path, clock });
  const served: Served = { platform: await open(), thinking: 0, seen: null, clock, world: createMaintenanceWorld(createRandom("serving"), clock) };
  await using stack = new AsyncDisposableStack();
  stack.defer(() => served.platform.close());

  await context.test("without any model the fallback answers and says why", () => withoutModel(served));
  await context.test("two versions: the split is stable, the header overrules it", () => splitsTraffic(served));
  await context.test("an answer sees what was acknowledged just before it was asked for", () => seesItsOwnEvents(served));
  await context.test("an answer past its deadline is the fallback's", () => fallsBack(served));
  await context.test("the inference protocol gives the endpoint's numbers for the endpoint's rows", () => speaksInferenceProtocol(served));
  await context.test("closing answers what is in flight, and every answer is on record", (inner) => drains(served, open, inner));
});

async function ask({ platform }: Served, machine: string, { endpoint = "guess", variant }: { readonly endpoint?: string; readonly variant?: string } = {}): Promise<Answer> {
  const answer = await send(platform.url, { path: `/v1/endpoints/${endpoint}`, body: { machine }, headers: variant === undefined ? {} : { "strata-variant": variant } });
  assert.equal(answer.status, 200, answer.text);
  return answer.json as Answer;
}

/** Answers of an endpoint that are in the log, by `variant version`. */
async function recorded({ platform }: Served, endpoint = "guess"): Promise<Readonly<Record<string, number>>> {
  await platform.monitor.settle();
  return Object.fromEntries(platform.monitor.traffic(endpoint).map(({ variant, version, requests }) => [`${variant} ${version}`, requests]));
}

async function withoutModel(served: Served): Promise<void> {
  const answer = await ask(served, "m1");
  assert.deepEqual([answer.variant, answer.version, answer.outputs], ["fallback", 0, [0.25]]);
  assert.match(answer.fallbackReason!, /^Model "wear" has no version that is ready to serve\.$/);
  assert.deepEqual(await recorded(served), { "fallback 0": 1 });
}

async function splitsTraffic(served: Served): Promise<void> {
  const { platform, world } = served;
  await world.history(platform, 1_000);
  await platform.train("wear");
  await platform.train("wear");
  await world.live(platform, 20);
  await platform.control.tick();
  assert.deepEqual(await platform.registry.aliases("wear"), { champion: 1, challenger: 2 });
  const before = await recorded(served);

  const machines = Array.from({ length: 150 }, (_, at) => `machine-${at}`);
  const first = await Promise.all(machines.map((machine) => ask(served, machine)));
  const again = await Promise.all(machines.map((machine) => ask(served, machine)));
  assert.deepEqual(again.map(({ variant, version }) => [variant, version]), first.map(({ variant, version }) => [variant, version]), "a machine stays with its variant");
  assert.ok(first.every(({ variant, version }) => (variant === "canary" ? version === 2 : variant === "champion" && version === 1)));
  const canaries = first.filter(({ variant }) => variant === "canary").length;
  assert.ok(canaries >= 20 && canaries <= 75, `${canaries} of 150 machines are canaries at a share of 30 %`);

  const wished = await Promise.all(machines.slice(0, 30).flatMap((machine) => [ask(served, machine, { variant: "canary" }), ask(served, machine, { variant: "champion" })]));
  assert.deepEqual(wished.map(({ variant, version }) => `${variant} ${version}`), Array.from({ length: 60 }, (_, at) => (at % 2 === 0 ? "canary 2" : "champion 1")));

  const decisions = new Set([...first, ...again, ...wished].map(({ decision }) => decision));
  assert.equal(decisions.size, 360, "every answer has a decision id of its own");
  const after = await recorded(served);
  assert.equal(after["canary 2"]! - (before["canary 2"] ?? 0), 2 * canaries + 30);
  assert.equal(after["champion 1"]! - before["champion 1"]!, 2 * (150 - canaries) + 30);
}

/** In this process: between the acknowledgement and the question there is not even a network. */
async function seesItsOwnEvents(served: Served): Promise<void> {
  const { platform, clock } = served;
  for (let celsius = 1; celsius <= 40; celsius++) {
    await platform.ingestion.ingestRows("readings", [{ row: { id: `own-${celsius}`, machine: "own", celsius, at: clock.now() } }]);
    await platform.endpoints.answer("guess", { machine: "own" });
    assert.equal(served.seen, celsius);
  }
}

async function fallsBack(served: Served): Promise<void> {
  const { platform, clock } = served;
  await platform.ingestion.ingestRows("readings", [{ row: { id: "blaze", machine: "blazing", celsius: BLAZING, at: clock.now() } }]);
  const late = await ask(served, "blazing", { endpoint: "hurry" });
  assert.deepEqual([late.variant, late.version, late.outputs], ["fallback", 0, [0.25]]);
  assert.match(late.fallbackReason!, /did not finish within/);
  const patient = await ask(served, "blazing");
  assert.notEqual(patient.variant, "fallback", "the same row is fine where there is time");
  assert.deepEqual(await recorded(served, "hurry"), { "fallback 0": 1 });
}

async function speaksInferenceProtocol(served: Served): Promise<void> {
  const { platform } = served;
  const machines = Array.from({ length: 12 }, (_, at) => `oip-${at}`);
  const random = createRandom("oip");
  const rows = machines.slice(1).flatMap((machine, at) => Array.from({ length: 1 + (at % 3) }, (_, n) => ({ row: { id: `${machine}-${n}`, machine, celsius: 50 + 15 * random.normal(), at: served.clock.now() - n } })));
  await platform.ingestion.ingestRows("readings", rows);
  const metadata = (await send(platform.url, { path: "/v2/models/wear" })).json as { readonly properties: { readonly columns: string }; readonly versions: readonly string[] };
  assert.deepEqual(metadata.properties.columns.split(","), ["heat.now", "heat.mean_1h", "heat.readings_1d", "strain.excess"]);

  const read = await send(platform.url, { path: "/v1/features/heat", body: { keys: machines.map((machine) => ({ machine })), atMs: served.clock.now() } });
  const features = (read.json as { readonly rows: readonly (readonly (number | null)[])[] }).rows.map((row) => [...row, row[0] === null ? null : row[0]! - 45.5]);
  assert.deepEqual(features[0], [null, null, 0, null], "a machine that never reported");
  for (const [variant, version] of [["champion", 1], ["canary", 2]] as const) {
    const answers = await Promise.all(machines.map((machine) => ask(served, machine, { variant })));
    const whole = await infer(platform.url, version, [{ name: "features", shape: [12, 4], datatype: "FP64", data: features }]);
    assert.deepEqual(whole, answers.map(({ outputs }) => outputs[0]), `${variant}: bit for bit`);
    const columns = metadata.properties.columns.split(",").map((name, at) => ({ name, shape: [12], datatype: "FP64", data: features.map((row) => row[at]) }));
    assert.deepEqual(await infer(platform.url, version, columns), whole, "column by column");
  }
}

async function infer(url: string, version: number, inputs: readonly unknown[]): Promise<readonly number[]> {
  const answer = await send(url, { path: `/v2/models/wear/versions/${version}/infer`, body: { id: "mine", inputs } });
  assert.equal(answer.status, 200, answer.text);
  const { id, model_version: answered, outputs: [scores] } = answer.json as { readonly id: string; readonly model_version: string; readonly outputs: readonly { readonly name: string; readonly shape: readonly number[]; readonly data: readonly number[] }[] };
  assert.deepEqual([id, answered, scores!.name, scores!.shape], ["mine", String(version), "scores", [scores!.data.length]]);
  return scores!.data;
}

const TOGETHER = 24;

/** Every request is slow, so that most are in flight when the platform is told to close. */
async function drains(served: Served, open: () => Promise<Platform>, context: TestContext): Promise<void> {
  const before = total(await recorded(served));
  const agent = new Agent({ keepAlive: true, maxSockets: TOGETHER });
  context.after(() => agent.destroy());
  const { url } = served.platform;
  await Promise.all(Array.from({ length: TOGETHER }, () => answered(url, agent, "warm")));
  const answers: (Answer | "refused")[] = [];
  const asked = Array.from({ length: TOGETHER }, async () => { answers.push(await answered(url, agent, "blazing")); });
  const thoughtBefore = served.thinking;
  await until("a request that is thought about", () => (served.thinking > thoughtBefore ? true : undefined));
  assert.ok(answers.length < TOGETHER, "requests are in flight");
  await served.platform.close();
  await Promise.all(asked);
  assert.equal(await answered(url, undefined, "late"), "refused");

  const given = answers.filter((answer) => answer !== "refused");
  assert.ok(given.length > TOGETHER / 2, `${given.length} of ${TOGETHER} were taken and answered`);
  assert.equal(new Set(given.map(({ decision }) => decision)).size, given.length);
  served.platform = await open();
  assert.equal(total(await recorded(served)), before + TOGETHER + given.length, "what was answered is on record, and nothing else is");
  const audit = await served.platform.audit();
  assert.deepEqual([audit.mismatches, audit.skipped], [0, 0]);
}

const total = (counts: Readonly<Record<string, number>>): number => Object.values(counts).reduce((sum, count) => sum + count, 0);

/** The answer, or that the connection ended before there was one. */
function answered(url: string, agent: Agent | undefined, machine: string): Promise<Answer | "refused"> {
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest(`${url}/v1/endpoints/guess`, { method: "POST", headers: { "content-type": "application/json" }, ...(agent ? { agent } : {}) }, (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on("data", (chunk: Buffer) => chunks.push(chunk)).on("error", reject).on("end", () => {
        if (incoming.statusCode === 200) resolve(JSON.parse(Buffer.concat(chunks).toString()) as Answer);
        else reject(new Error(`status ${incoming.statusCode}: ${Buffer.concat(chunks).toString()}`));
      });
    });
    outgoing.on("error", () => resolve("refused")).end(JSON.stringify({ machine }));
  });
}
