/**
 * A definition edited while it runs, in a project of its own: what did not change keeps its state, what did is built
 * from the log while events go on coming in, and an edit with a problem changes nothing.
 */
import assert from "node:assert/strict";
import { mkdir, rename, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { createRandom } from "strata/testing";
import type { Platform } from "strata/testing";
import { openTestPlatform, send, temporaryFolder, until } from "./platform-kit.ts";

const REPOSITORY = join(import.meta.dirname, "../..");
const HOUR_MS = 3_600_000;
const HISTORY = 20_000;
const SENSORS = 40;

type ReloadOutcome = Parameters<NonNullable<Parameters<typeof openTestPlatform>[1]["onReload"]>>[0];

const appFile = (request = "{ sensor: \"sensor\" }") => `
import { defineApplication, defineEndpoint, defineModel, eachEvent, gradientBoosting, labelValue, z } from "strata";
import { extras, readings, recent, sensors } from "./views.ts";
const model = defineModel("guess", {
  features: [sensors], examples: eachEvent(readings, { keys: (e) => ({ sensor: e.sensor }) }), label: labelValue(readings, (e) => e.value),
  trainer: gradientBoosting({ objective: "regression" }),
});
const ask = defineEndpoint("ask", { model, request: z.object({ sensor: z.string() }), keys: ${request}, fallback: 7 });
export default defineApplication("reloading", [ask, recent, ...extras]);
`;

const viewsFile = ({ window = "1h", extra = "" } = {}) => `
import { count, defineEntity, defineFeatureView, defineStream, max, sum, z } from "strata";
export const readings = defineStream("readings", { schema: z.object({ sensor: z.string().min(1, "missing sensor"), value: z.number(), at: z.number() }), time: "at", lateness: "10d" });
const sensor = defineEntity("sensor");
const base = { entities: [sensor], from: readings, by: (e) => ({ sensor: e.sensor }) } as const;
export const sensors = defineFeatureView("sensors", { ...base, features: (e) => ({ readings: count(), total: sum(e.value) }) });
export const recent = defineFeatureView("recent", { ...base, features: (e) => ({ readings: count().over("${window}"), total: sum(e.value).over("${window}") }) });
export const extras = [${extra}];
`;

const PEAKS = `defineFeatureView("peaks", { ...base, features: (e) => ({ highest: max(e.value).over("3h") }) })`;

interface Reading {
  readonly sensor: string;
  readonly value: number;
  readonly at: number;
}

interface Project {
  readonly platform: Platform;
  readonly folder: string;
  readonly outcomes: ReloadOutcome[];
  readonly sent: Reading[];
  /** Now, for all events and reads: nothing leaves a window while the test runs. */
  readonly nowMs: number;
}

test("a definition is edited while it runs", { timeout: 120_000 }, async (context) => {
  await using folder = await temporaryFolder();
  await mkdir(join(folder.path, "node_modules"));
  await symlink(REPOSITORY, join(folder.path, "node_modules", "strata"));
  await writeFile(join(folder.path, "package.json"), `{"type":"module"}`);
  await writeFile(join(folder.path, "views.ts"), viewsFile());
  await writeFile(join(folder.path, "app.ts"), appFile());
  const outcomes: ReloadOutcome[] = [];
  await using platform = await openTestPlatform(join(folder.path, "app.ts"), {
    dataDir: join(folder.path, ".strata"), watch: true, onReload: (outcome) => { outcomes.push(outcome); },
  });
  const project: Project = { platform, folder: folder.path, outcomes, sent: [], nowMs: Date.now() };

  await ingest(project, history(project.nowMs));
  const refused = await send(platform.url, { path: "/v1/streams/readings/events", body: { sensor: "", value: 1, at: project.nowMs } });
  assert.equal(refused.status, 400);
  for (let at = 0; at < 5; at++) assert.equal((await platform.endpoints.answer("ask", { sensor: "s1" })).variant, "fallback");

  await context.test("a changed window and a new view, in the second file, while events come in", () => changesViews(project));
  await context.test("an edit with problems keeps what runs, and reports them all", () => refusesProblems(project));
  await context.test("what was fixed is applied; answers and dead letters are all there", () => goesOn(project));
});

async function changesViews(project: Project): Promise<void> {
  const { platform, outcomes } = project;
  await check(project, "recent", (sensor) => windowed(project, sensor, HOUR_MS));
  const unchanged = statisticsOf(platform, "sensors");
  const sentBefore = project.sent.length;

  await save(project, "views.ts", viewsFile({ window: "2h", extra: PEAKS }));
  await until("the reload", async () => {
    await ingest(project, [reading(createRandom(project.sent.length), project.nowMs)]);
    await check(project, "sensors", (sensor) => windowed(project, sensor, Number.POSITIVE_INFINITY)); // answers all the while
    return outcomes.length > 0 ? true : undefined;
  });
  const [outcome] = outcomes.splice(0);
  assert.ok(outcome && "changes" in outcome, JSON.stringify(outcome));
  assert.deepEqual(outcome.changes.map(({ action, kind, name }) => `${action} ${kind} ${name}`).toSorted(), ["create featureViews peaks", "update featureViews recent"]);

  const meanwhile = project.sent.length - sentBefore;
  assert.ok(meanwhile > 0, "events came in meanwhile");
  await check(project, "recent", (sensor) => windowed(project, sensor, 2 * HOUR_MS));
  await check(project, "peaks", (sensor) => [highest(project, sensor, 3 * HOUR_MS)]);
  await check(project, "sensors", (sensor) => windowed(project, sensor, Number.POSITIVE_INFINITY));
  assert.equal(statisticsOf(platform, "sensors").appliedEvents, unchanged.appliedEvents + meanwhile, "the unchanged view only took what was new");
}

async function refusesProblems(project: Project): Promise<void> {
  const { platform } = project;
  const hash = await runningHash(platform);
  await save(project, "app.ts", appFile("{ sensor: \"sonsor\" }").replace("\"ask\"", "\"Ask me\""));
  const invalid = await refused(project, "DEFINITION_INVALID");
  assert.ok(invalid.problems.length >= 2, "all problems, not the first");
  assert.ok(invalid.problems.every(({ path }) => path.startsWith("endpoints.Ask me")), JSON.stringify(invalid.problems));

  await save(project, "views.ts", "export const readings = ;");
  await refused(project, "DEFINITION_LOAD_FAILED");
  const applied = await send(platform.url, { path: "/v1/apply", body: {} });
  assert.deepEqual([applied.status, (applied.json as { readonly error: { readonly code: string } }).error.code], [400, "DEFINITION_LOAD_FAILED"]);

  assert.equal(await runningHash(platform), hash);
  await ingest(project, [reading(createRandom("after problems"), project.nowMs)]);
  await check(project, "recent", (sensor) => windowed(project, sensor, 2 * HOUR_MS));
}

async function goesOn(project: Project): Promise<void> {
  const { platform, outcomes } = project;
  await save(project, "views.ts", viewsFile({ window: "3h" }));
  await save(project, "app.ts", appFile());
  const outcome = await until("the reload", () => outcomes.find((one) => "changes" in one));
  assert.deepEqual("changes" in outcome && outcome.changes.map(({ action, name }) => `${action} ${name}`).toSorted(), ["delete peaks", "update recent"]);
  await check(project, "recent", (sensor) => windowed(project, sensor, 3 * HOUR_MS));
  const gone = await send(platform.url, { path: "/v1/features/peaks", body: { keys: [{ sensor: "s1" }] } });
  assert.equal(gone.status, 404);

  await platform.endpoints.answer("ask", { sensor: "s1" });
  await platform.monitor.settle();
  assert.deepEqual(platform.monitor.traffic("ask"), [{ variant: "fallback", version: 0, requests: 6 }]);
  assert.deepEqual(await platform.ingestion.deadLetterCounts("readings"), { "missing sensor": 1 });
  const fixed = await send(platform.url, { path: "/v1/streams/readings/dead-letters/replay", body: { reason: "missing sensor", set: { sensor: "s1" } } });
  assert.equal(fixed.status, 200, fixed.text);
  project.sent.push({ sensor: "s1", value: 1, at: project.nowMs });
  await check(project, "sensors", (sensor) => windowed(project, sensor, Number.POSITIVE_INFINITY));
}

/** Written beside and moved, as editors do. */
async function save({ folder }: Project, name: string, text: string): Promise<void> {
  const path = join(folder, name);
  await writeFile(`${path}.new`, text);
  await rename(`${path}.new`, path);
}

/** The reload that is refused with this code; a save in two steps may be refused twice. */
function refused({ outcomes }: Project, code: string) {
  return until(`a reload refused with ${code}`, () => {
    const outcome = outcomes.shift();
    if (outcome !== undefined && "changes" in outcome) assert.fail(`it was applied: ${JSON.stringify(outcome.changes)}`);
    return outcome?.error.code === code ? outcome.error : undefined;
  });
}

async function runningHash({ url }: Platform): Promise<string> {
  return ((await send(url, { path: "/v1/definition" })).json as { readonly hash: string }).hash;
}

function statisticsOf({ features }: Platform, view: string) {
  return features.statistics().find((entry) => entry.view === view) ?? assert.fail(`view ${view} is gone`);
}

function history(nowMs: number): readonly Reading[] {
  const random = createRandom("reload");
  return Array.from({ length: HISTORY }, () => reading(random, nowMs - random.integer(5 * HOUR_MS)));
}

/** Values are halves: sums of them are exact in any order. */
function reading(random: ReturnType<typeof createRandom>, at: number): Reading {
  return { sensor: `s${random.integer(SENSORS)}`, value: random.integer(1_000) / 2, at };
}

async function ingest({ platform, sent }: Project, rows: readonly Reading[]): Promise<void> {
  const { accepted } = await platform.ingestion.ingestRows("readings", rows.map((row) => ({ row })));
  assert.equal(accepted, rows.length);
  sent.push(...rows);
}

/** Every sensor's features over HTTP against what the test knows it sent. */
async function check({ platform, nowMs }: Project, view: string, expected: (sensor: string) => readonly unknown[]): Promise<void> {
  const keys = Array.from({ length: SENSORS }, (_, at) => ({ sensor: `s${at}` }));
  const read = await send(platform.url, { path: `/v1/features/${view}`, body: { keys, atMs: nowMs } });
  assert.equal(read.status, 200, read.text);
  assert.deepEqual((read.json as { readonly rows: unknown }).rows, keys.map(({ sensor }) => expected(sensor)), view);
}

/** Count and sum of what a sensor sent in (now - window, now]. */
function windowed({ sent, nowMs }: Project, sensor: string, windowMs: number): readonly [count: number, total: number] {
  const inside = sent.filter((row) => row.sensor === sensor && row.at > nowMs - windowMs);
  return [inside.length, inside.reduce((sum, row) => sum + row.value, 0)];
}

function highest({ sent, nowMs }: Project, sensor: string, windowMs: number): number {
  return Math.max(...sent.filter((row) => row.sensor === sensor && row.at > nowMs - windowMs).map((row) => row.value));
}
