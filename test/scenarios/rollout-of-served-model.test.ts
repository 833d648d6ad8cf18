/** A served model moves between versions under load, over real sockets, without a failed request. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { defineApplication, defineServedModel, functionModel, tensor } from "strata";
import type { Platform } from "strata/testing";
import { openTestPlatform, send, temporaryFolder, until } from "./platform-kit.ts";
import { startSteadyLoad } from "./steady-load.ts";

/** How version 2 behaves; the models run in this process. */
const second = { fails: false, slowMs: 0, adds: 0 };

const pause = (ms: number): Promise<void> => new Promise((resolve) => { setTimeout(resolve, ms); });

function version(factor: number) {
  return functionModel({
    inputs: { x: tensor("FP64", [-1, 1]) }, outputs: { y: tensor("FP64", [-1, 1]) },
    infer: async ({ x }) => {
      if (factor === 2 && second.fails) throw new Error("version 2 is broken");
      if (factor === 2 && second.slowMs > 0) await pause(second.slowMs);
      return { y: { shape: x.shape, data: Float64Array.from(x.data, (value) => value * 10 + (factor === 2 ? second.adds : 0)) } };
    },
  });
}

const application = (versions: readonly number[]) => defineApplication("rollout", [
  defineServedModel("scale", { versions: Object.fromEntries(versions.map((factor) => [String(factor), version(factor)])), policy: { kind: "all" } }),
]);

interface View {
  readonly state: { readonly stable: string; readonly standby: string | null; readonly arms: readonly { readonly share: number }[]; readonly canary: { readonly step: number; readonly phase: string } | null } | null;
  readonly counts: { readonly arms: Readonly<Record<string, { readonly requests: number; readonly errors: number; readonly unready: number }>> } | null;
  readonly moves: readonly { readonly kind: string; readonly actor: string; readonly reason: string; readonly timeMs: number }[];
}

async function post(platform: Platform, path: string, body: object): Promise<View> {
  const answer = await send(platform.url, { path: `/v1/served-models/scale/${path}`, body });
  assert.equal(answer.status, 200, answer.text);
  return answer.json as View;
}
const view = async (platform: Platform): Promise<View> => (await send(platform.url, { path: "/v1/served-models/scale/traffic" })).json as View;
const stableVersion = async (platform: Platform): Promise<string> => ((await send(platform.url, { path: "/v2/models/scale/infer", body: { inputs: [{ name: "x", datatype: "FP64", shape: [1, 1], data: [1] }] } })).json as { readonly model_version: string }).model_version;

async function openRollout(dataDir: string, versions: readonly number[] = [1, 2]): Promise<Platform> {
  Object.assign(second, { fails: false, slowMs: 0, adds: 0 });
  const platform = await openTestPlatform(application(versions), { dataDir });
  await post(platform, "traffic", { switch: { version: "1" }, reason: "start at version 1" });
  return platform;
}

test("a healthy canary rises through its steps and is promoted, then rolled back, and nobody notices", async () => {
  await using folder = await temporaryFolder();
  await using platform = await openRollout(folder.path);
  const load = startSteadyLoad({ url: platform.url, model: "scale", connections: 16 });
  await post(platform, "traffic", { canary: { version: "2", steps: [0.1, 0.5, 1], stepSeconds: 0.5, minimumRequests: 30, sloMs: 5_000 }, reason: "try version 2" });
  const done = await until("the promotion", async () => {
    const now = await view(platform);
    return now.state?.stable === "2" ? now : undefined;
  });
  assert.deepEqual(done.moves.map(({ kind, actor }) => `${kind} by ${actor}`), ["promote by canary", "advance by canary", "advance by canary", "canary by admin-api", "switch by admin-api"]);
  assert.match(done.moves[0]!.reason, /^At 100 % the canary failed 0 of \d+ and was slow in 0; stable .*: no harm shown, so it is promoted\.$/);
  assert.equal(done.state?.standby, "1");
  load.takeVariants();
  await post(platform, "rollback", { reason: "practice" });
  assert.equal((await view(platform)).state?.stable, "1");
  assert.equal(await stableVersion(platform), "1");
  await load.stop();
  assert.deepEqual(load.failures, []);
  assert.ok(load.answered > 500, `${load.answered}`);
});

test("a canary that breaks its latency limit is rolled back within ten seconds", async () => {
  await using folder = await temporaryFolder();
  await using platform = await openRollout(folder.path);
  const load = startSteadyLoad({ url: platform.url, model: "scale", connections: 8, pauseMs: 20 });
  await post(platform, "traffic", { canary: { version: "2", steps: [0.2, 1], stepSeconds: 60, minimumRequests: 30, sloMs: 100 }, reason: "try version 2" });
  await until("answers of both", async () => ((await view(platform)).counts?.arms["canary"]?.requests ?? 0) > 30 ? true : undefined);
  second.slowMs = 200;
  const brokenMs = performance.now();
  const back = await until("the rollback", async () => {
    const now = await view(platform);
    return now.state?.canary === null ? now : undefined;
  });
  const tookMs = performance.now() - brokenMs;
  assert.ok(tookMs < 10_000, `${tookMs} ms`);
  assert.match(back.moves[0]!.reason, /^The canary took longer than 100 ms in \d+ of \d+ requests/);
  await load.stop();
  assert.deepEqual([load.failures, back.state?.stable, back.state?.arms], [[], "1", []]);
});

test("a canary that fails is rolled back by its errors", async () => {
  await using folder = await temporaryFolder();
  await using platform = await openRollout(folder.path);
  const load = startSteadyLoad({ url: platform.url, model: "scale", connections: 8, pauseMs: 10 });
  second.fails = true;
  await post(platform, "traffic", { canary: { version: "2", steps: [0.2], stepSeconds: 60 }, reason: "try version 2" });
  const back = await until("the rollback", async () => {
    const now = await view(platform);
    return now.state?.canary === null ? now : undefined;
  }, 10_000);
  assert.match(back.moves[0]!.reason, /^The canary failed \d+ of \d+ requests, stable 0 of \d+\. The canary is worse/);
  await load.stop();
  assert.ok(load.failures.length > 0 && load.failures.length < 150, `${load.failures.length}`); // the share it had until it was stopped
});

test("shadow copies never reach or delay callers, and their differences are reported and judged", async () => {
  await using folder = await temporaryFolder();
  await using platform = await openRollout(folder.path);
  second.adds = 0.5;
  second.slowMs = 50;
  const load = startSteadyLoad({ url: platform.url, model: "scale", connections: 4, pauseMs: 5 });
  await post(platform, "traffic", { shadow: { version: "2", tolerance: 0.01 }, reason: "compare" });
  interface Report { readonly copied: number; readonly equalShare: number; readonly dropped: number; readonly outputs: readonly { readonly output: string; readonly meanAbsolute: number; readonly maximumAbsolute: number; readonly quantiles: { readonly p99: number } }[]; readonly latencyMs: { readonly shadow: { readonly p50: number }; readonly stable: { readonly p50: number } }; readonly examples: readonly { readonly stable: readonly string[]; readonly shadow: readonly string[] }[] }
  const report = await until("comparisons", async () => {
    const answer = await send(platform.url, { path: "/v1/served-models/scale/shadow-report" });
    const found = answer.json as Report;
    return answer.status === 200 && found.copied >= 40 ? found : undefined;
  });
  assert.deepEqual([report.equalShare, report.outputs[0]?.output, report.outputs[0]?.meanAbsolute, report.outputs[0]?.maximumAbsolute], [0, "y", 0.5, 0.5]);
  assert.deepEqual(report.examples[0]?.stable, ["30"]);
  assert.deepEqual(report.examples[0]?.shadow, ["30.5"]);
  assert.ok(report.latencyMs.shadow.p50 >= 45 && report.latencyMs.stable.p50 < 45, JSON.stringify(report.latencyMs));
  assert.deepEqual(Object.keys(load.takeVariants()).filter((variant) => variant !== "stable" && variant !== "none"), []);
  await post(platform, "traffic", { shadow: null, reason: "enough" });
  await post(platform, "traffic", { canary: { version: "2", shadowRequests: 20, tolerance: 0.01, steps: [0.5] }, reason: "try version 2" });
  const back = await until("the verdict on the differences", async () => {
    const now = await view(platform);
    return now.state?.canary === null ? now : undefined;
  });
  assert.match(back.moves[0]!.reason, /copied requests were answered differently .*1 % is the limit/);
  await load.stop();
  assert.deepEqual(load.failures, []);
});

test("callers stay with their variant, wishes and header rules are honoured, and a restart changes nothing", async () => {
  await using folder = await temporaryFolder();
  let platform = await openRollout(folder.path);
  await using closing = { [Symbol.asyncDispose]: () => platform.close() };
  void closing;
  const variantOf = async (headers: Readonly<Record<string, string>>): Promise<string> => {
    const answer = await send(platform.url, { path: "/v2/models/scale/infer", headers, body: { inputs: [{ name: "x", datatype: "FP64", shape: [1, 1], data: [1] }] } });
    assert.equal(answer.status, 200, answer.text);
    return `${String(answer.headers["strata-variant"])} ${(answer.json as { readonly model_version: string }).model_version}`;
  };
  await post(platform, "traffic", { split: { variants: [{ variant: "b", version: "2", share: 0.5 }], rules: [{ header: "x-country", equals: "is", variant: "b" }] }, reason: "A/B" });
  const keys = Array.from({ length: 40 }, (_, index) => `caller-${index}`);
  const variants = (): Promise<readonly string[]> => Promise.all(keys.map((key) => variantOf({ "strata-key": key })));
  const before = await variants();
  assert.ok(before.includes("b 2") && before.includes("stable 1"));
  assert.deepEqual(await variants(), before);
  assert.equal(await variantOf({ "x-country": "is" }), "b 2");
  assert.equal(await variantOf({ "strata-variant": "b" }), "b 2");
  assert.equal(await variantOf({ "strata-variant": "stable" }), "stable 1");
  assert.equal(await variantOf({ "strata-variant": "2" }), "2 2");
  await platform.close();
  platform = await openTestPlatform(application([1, 2]), { dataDir: folder.path });
  assert.deepEqual(await variants(), before);
  const unknown = await send(platform.url, { path: "/v1/served-models/scale/traffic", body: { switch: { version: "9" }, reason: "typing error" } });
  assert.equal(unknown.status, 404);
  assert.deepEqual(await variants(), before);
});

test("a version that leaves the definition while it answers is replaced by the model's default", async () => {
  await using folder = await temporaryFolder();
  await using platform = await openRollout(folder.path);
  const load = startSteadyLoad({ url: platform.url, model: "scale", connections: 8 });
  await pause(200);
  await platform.apply(application([2]));
  await pause(300);
  await load.stop();
  assert.deepEqual(load.failures, []);
  assert.equal(await stableVersion(platform), "2");
});
