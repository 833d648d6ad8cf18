import assert from "node:assert/strict";
import { test } from "node:test";
import { batchingOf } from "../../define/index.ts";
import type { BatchingOptions } from "../../define/index.ts";
import { createManualClock, systemClock } from "../../kernel/clock.ts";
import type { Clock } from "../../kernel/clock.ts";
import { StrataError, isStrataError } from "../../kernel/errors.ts";
import type { BatchReport } from "./batch-runner.ts";
import { createBatchScheduler } from "./batch-scheduler.ts";
import type { BatchScheduler, SchedulerOptions, Submission } from "./batch-scheduler.ts";

interface Harness {
  readonly scheduler: BatchScheduler<number, number>;
  /** Payloads of each execution, in order. */
  readonly executions: number[][];
  readonly reports: BatchReport[];
  readonly failures: string[];
  ask(value: number, submission?: Partial<Submission>): Promise<number | string>;
}

type Work = (payloads: readonly number[], instance: number) => void | Promise<void>;

/** Doubles what it is given. */
function harness(batching: BatchingOptions & { readonly instances?: number; readonly isBatchable?: boolean; readonly clock?: Clock } = {}, work?: Work): Harness {
  const { instances = 1, isBatchable = true, clock = createManualClock(1_000), ...rest } = batching;
  const executions: number[][] = [], reports: BatchReport[] = [], failures: string[] = [];
  const execute: SchedulerOptions<number, number>["execute"] = async (payloads, { instance }) => {
    executions.push([...payloads]);
    await work?.(payloads, instance);
    return { results: payloads.map((value) => 2 * value), inputMs: 0, inferMs: 1, outputMs: 0 };
  };
  const scheduler = createBatchScheduler<number, number>({
    name: "m/1", clock, batching: batchingOf(rest), isBatchable, instances, execute,
    observer: { batch: (report) => reports.push(report), failed: ({ code }) => failures.push(code) },
  });
  const ask = (value: number, submission: Partial<Submission> = {}): Promise<number | string> =>
    scheduler.submit(value, { rows: 1, ...submission }).then(({ result }) => result, (thrown: unknown) => (isStrataError(thrown) ? thrown.code : String(thrown)));
  return { scheduler, executions, reports, failures, ask };
}

/** A model that works until it is let go. */
function gate() {
  const held: (() => void)[] = [];
  return { hold: () => new Promise<void>((resolve) => { held.push(resolve); }), letGo: () => { for (const resume of held.splice(0)) resume(); } };
}

const turn = (): Promise<void> => new Promise((resolve) => { setImmediate(() => setImmediate(resolve)); });
const poison = (value: number): Work => (payloads) => {
  if (payloads.includes(value)) throw new Error(`${value} is poison`);
};

test("one poisoned request in 32 fails alone, after a few smaller batches", async () => {
  for (const bad of [0, 13, 31]) {
    const { ask, executions, reports, failures } = harness({ maxRows: 32 }, poison(bad));
    const answers = await Promise.all(Array.from({ length: 32 }, (_, value) => ask(value)));
    assert.deepEqual(answers, Array.from({ length: 32 }, (_, value) => (value === bad ? "INFERENCE_FAILED" : 2 * value)));
    assert.equal(executions.length, 11, "the batch, and two halves on each of five levels");
    assert.deepEqual(failures, ["INFERENCE_FAILED"]);
    assert.equal(reports.reduce((sum, { answered }) => sum + answered, 0), 31);
  }
});

test("what no request of the batch caused comes back for all, without asking again", async () => {
  const { ask, executions } = harness({}, () => { throw new StrataError("UPSTREAM_FAILED", { upstream: "u", reason: "gone" }); });
  assert.deepEqual(await Promise.all([1, 2, 3, 4].map((value) => ask(value))), Array.from({ length: 4 }, () => "UPSTREAM_FAILED"));
  assert.equal(executions.length, 1);
});

test("a model's own refusal of one request is that request's", async () => {
  const { ask } = harness({}, (payloads) => {
    if (payloads.includes(7)) throw new StrataError("INFERENCE_INVALID", { reason: "no seven", model: "m" });
  });
  assert.deepEqual(await Promise.all([6, 7, 8].map((value) => ask(value))), [12, "INFERENCE_INVALID", 16]);
});

test("requests with different keys never run together, whatever their order", async () => {
  const { ask, executions } = harness();
  await Promise.all([1, 2, 3, 4, 5].map((value) => ask(value, { key: value % 2 === 0 ? "even" : "odd" })));
  assert.deepEqual(executions, [[1, 3, 5], [2, 4]]);
});

test("priority 1 overtakes, and each priority keeps its order", async () => {
  const { hold, letGo } = gate();
  const { ask, executions } = harness({ maxRows: 2, priorities: 2 }, hold);
  const first = ask(0, { priority: 2 });
  await turn();
  const rest = [ask(1, { priority: 2 }), ask(2, { priority: 2 }), ask(3, { priority: 1 }), ask(4, { priority: 1 })];
  while (executions.length < 3) {
    letGo();
    await turn();
  }
  letGo();
  await Promise.all([first, ...rest]);
  assert.deepEqual(executions, [[0], [3, 4], [1, 2]]);
});

test("several instances run at once, and no more than there are", async () => {
  const { hold, letGo } = gate();
  const used = new Set<number>();
  let most = 0, running = 0;
  const { ask, scheduler } = harness({ maxRows: 1, instances: 3 }, async (_, instance) => {
    used.add(instance);
    most = Math.max(most, ++running);
    await hold();
    running--;
  });
  const answers = Array.from({ length: 7 }, (_, value) => ask(value));
  while (scheduler.inFlight() > 0) {
    await turn();
    letGo();
  }
  assert.deepEqual(await Promise.all(answers), [0, 2, 4, 6, 8, 10, 12]);
  assert.deepEqual([most, used.size], [3, 3]);
});

test("a request whose deadline passes while the model is busy is told at its deadline, and never runs", async () => {
  const clock = createManualClock(1_000);
  const { hold, letGo } = gate();
  const { ask, executions, scheduler } = harness({ clock, maxRows: 1 }, hold);
  const busy = ask(1);
  await turn();
  const late = ask(2, { deadlineAtMs: 1_050 });
  const patient = ask(3);
  clock.advance(60);
  assert.equal(await late, "DEADLINE_EXCEEDED");
  assert.equal(scheduler.waitingRows(), 1);
  for (let i = 0; i < 3; i++) {
    letGo();
    await turn();
  }
  assert.deepEqual([await busy, await patient, executions], [2, 6, [[1], [3]]]);
});

test("the queue's own timeout holds for requests without a deadline, and a shorter deadline wins", async () => {
  const clock = createManualClock(1_000);
  const { hold, letGo } = gate();
  const { ask } = harness({ clock, maxRows: 1, queueTimeout: "1s" }, hold);
  const busy = ask(1);
  await turn();
  const [short, long] = [ask(2, { deadlineAtMs: 1_100 }), ask(3, { deadlineAtMs: 99_000 })];
  clock.advance(200);
  assert.equal(await short, "DEADLINE_EXCEEDED");
  clock.advance(900);
  assert.equal(await long, "DEADLINE_EXCEEDED");
  letGo();
  assert.equal(await busy, 2);
});

test("who gives up leaves the queue at once; who gives up while it runs is told so, and the others get their answers", async () => {
  const { hold, letGo } = gate();
  const { ask, executions, scheduler, reports, failures } = harness({ maxRows: 4 }, hold);
  const leaving = new AbortController(), leavingLater = new AbortController();
  const running = [ask(1, { signal: leavingLater.signal }), ask(2)];
  await turn();
  const waiting = [ask(3, { signal: leaving.signal }), ask(4)];
  leaving.abort();
  leavingLater.abort();
  assert.deepEqual([await waiting[0], await running[0], scheduler.waitingRows()], ["ABORTED", "ABORTED", 1]);
  letGo();
  await turn();
  letGo();
  assert.deepEqual([await running[1], await waiting[1], executions], [4, 8, [[1, 2], [4]]]);
  assert.deepEqual([reports.map(({ answered }) => answered), failures], [[1, 1], ["ABORTED", "ABORTED"]]);
  assert.equal(await ask(5, { signal: leaving.signal }), "ABORTED");
});

test("a full queue says how long it will take; one request larger than the queue still runs when nobody waits", async () => {
  const clock = createManualClock(1_000);
  const { hold, letGo } = gate();
  const { ask, scheduler } = harness({ clock, maxRows: 10, maxQueueRows: 30 }, hold);
  const measured = ask(1, { rows: 10 });
  await turn();
  clock.advance(5_000); // ten rows in five seconds
  letGo();
  await measured;
  const huge = ask(2, { rows: 100 });
  await turn();
  const more = [ask(3, { rows: 10 }), ask(4, { rows: 20 })];
  const refused = await scheduler.submit(5, { rows: 1 }).catch((thrown: unknown) => thrown);
  assert.ok(isStrataError(refused) && refused.code === "QUEUE_FULL" && refused.status === 429);
  assert.ok(refused.retryAfterSeconds! >= 15 && refused.retryAfterSeconds! <= 60, `said ${refused.retryAfterSeconds} s for 30 rows at no more than 2 a second`);
  while (scheduler.inFlight() > 0) {
    letGo();
    await turn();
  }
  assert.deepEqual(await Promise.all([huge, ...more]), [4, 6, 8]);
});

test("a delay gathers company, and draining does not wait it out", async () => {
  const clock = createManualClock(1_000);
  const { ask, executions, scheduler } = harness({ clock, maxDelay: "20ms" });
  const together = [ask(1)];
  await turn();
  clock.advance(10);
  together.push(ask(2));
  await turn();
  assert.deepEqual(executions, []);
  clock.advance(10);
  await Promise.all(together);
  const last = ask(3);
  await turn();
  await scheduler.drain();
  assert.deepEqual([await last, executions, await ask(4)], [6, [[1, 2], [3]], "CLOSED"]);
});

test("models take turns: a busy one cannot keep a quiet one from its instance", async () => {
  const order: string[] = [];
  const spin = (name: string): Work => () => {
    order.push(name);
    const until = performance.now() + 2;
    while (performance.now() < until);
  };
  const busy = harness({ maxRows: 1, clock: systemClock }, spin("busy")), quiet = harness({ clock: systemClock }, spin("quiet"));
  const load = Array.from({ length: 50 }, (_, value) => busy.ask(value));
  await turn();
  await quiet.ask(1);
  assert.ok(order.indexOf("quiet") <= 6, `the quiet model waited for ${order.indexOf("quiet")} batches of the busy one`);
  await Promise.all(load);
});
