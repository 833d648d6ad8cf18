/**
 * A platform that serves, for requests that should not be: with events, a dead letter, a champion and an answer, and a
 * fingerprint of everything that it keeps, so that a refused request can be shown to have left nothing behind.
 */
import assert from "node:assert/strict";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { createRandom, createReplayClock } from "strata/testing";
import type { ManualClock, Platform } from "strata/testing";
import application from "../scenarios/maintenance-app.ts";
import { createMaintenanceWorld } from "../scenarios/maintenance-world.ts";
import { openTestPlatform, send, temporaryFolder } from "../scenarios/platform-kit.ts";
import type { Answered, Sent } from "../scenarios/platform-kit.ts";

export const MAX_BODY_BYTES = 256 * 1024;

export interface ServedPlatform extends AsyncDisposable {
  readonly platform: Platform;
  readonly clock: ManualClock;
  readonly dataDir: string;
  /** Sizes of all logs, the registry, runs, rollouts, decisions, the definition: equal means that nothing was stored. */
  fingerprint(): Promise<unknown>;
}

export async function openServedPlatform(): Promise<ServedPlatform> {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await temporaryFolder());
  const clock = createReplayClock(Date.UTC(2026, 0, 5));
  const platform = stack.use(await openTestPlatform(application, { dataDir: folder.path, clock, settings: { maxBodyBytes: MAX_BODY_BYTES } }));
  await createMaintenanceWorld(createRandom("bad input"), clock).history(platform, 500);
  await platform.ingestion.ingestRows("readings", [{ row: { id: "bad", machine: "m", celsius: "hot", at: clock.now() } }]);
  const { passed } = await platform.train("wear");
  assert.ok(passed);
  await platform.endpoints.answer("guess", { machine: "m1" });
  await platform.monitor.settle();
  const owned = stack.move();
  return {
    platform, clock, dataDir: folder.path,
    fingerprint: () => fingerprint(platform, folder.path),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

async function fingerprint({ registry, experiments, rollouts, decisions, ingestion, monitor, url }: Platform, dataDir: string): Promise<unknown> {
  const logs = join(dataDir, "log", "logs");
  const segments = (await readdir(logs, { recursive: true })).toSorted();
  const definition = (await send(url, { path: "/v1/definition" })).json as { readonly hash: string };
  return {
    log: await Promise.all(segments.map(async (name) => [name, (await stat(join(logs, name))).size])),
    aliases: await registry.aliases("wear"), versions: (await registry.versions("wear")).length, evidence: (await registry.verifyEvidence("wear")).head,
    runs: (await experiments.listRuns({ limit: 100 })).runs.map(({ id, status }) => [id, status]),
    rollouts: (await rollouts.list({ limit: 100 })).rollouts.length,
    decisions: (await decisions.list({ limit: 1 })).decisions[0]?.sequence,
    letters: await ingestion.deadLetterCounts("readings"), traffic: monitor.traffic("guess"), definition: definition.hash,
  };
}

export interface BadRequest {
  /** What is wrong with it. */
  readonly name: string;
  readonly request: Sent;
  readonly status: number;
  readonly code: string;
  /** Something that the message or its hint must say. */
  readonly says?: RegExp;
}

/** Sends a row and checks its status, its error in Strata's dialect, and that nothing changed. Returns the answer. */
export async function refuses(served: ServedPlatform, { request, status, code, says }: BadRequest): Promise<Answered> {
  const before = await served.fingerprint();
  const answer = await send(served.platform.url, request);
  assert.deepEqual([answer.status, codeOf(answer)], [status, code], answer.text.slice(0, 500));
  const message = messageOf(answer);
  assert.ok(message.length > 10 && message.length < 5_000 && !/\{\w+\}/.test(message), message.slice(0, 500));
  if (says) assert.match(message, says);
  assert.deepEqual(await served.fingerprint(), before, "nothing was stored, moved or counted");
  return answer;
}

/** In Strata's dialect `{error: {code}}`, in that of the inference protocol `{error, code}`. */
function codeOf({ json }: Answered): unknown {
  const { error, code } = (json ?? {}) as { readonly error?: { readonly code?: string }; readonly code?: string };
  return code ?? error?.code;
}

function messageOf({ json }: Answered): string {
  const { error } = json as { readonly error: string | { readonly message: string; readonly hint: string } };
  return typeof error === "string" ? error : `${error.message} ${error.hint}`;
}
