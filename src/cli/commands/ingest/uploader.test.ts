import assert from "node:assert/strict";
import { test } from "node:test";
import { openFakeServer, type FakeAnswer, type FakeRequest } from "../../../../test/fake-strata-server.ts";
import { systemClock, type Clock } from "../../../kernel/clock.ts";
import { isStrataError, StrataError } from "../../../kernel/errors.ts";
import { createApiClient } from "../../api-client.ts";
import type { EventBatch } from "./batches.ts";
import { createTotals, retryDelayMs, uploadBatches, type UploadOptions } from "./uploader.ts";

/** Waits take no time, but are noted. */
function impatient(): { readonly clock: Clock; readonly waits: number[] } {
  const waits: number[] = [];
  return { waits, clock: { ...systemClock, sleep: async (ms) => void waits.push(ms) } };
}

async function* batchesOf(count: number): AsyncGenerator<EventBatch> {
  for (let number = 0; number < count; number++) yield { number, body: Buffer.from(`{"n":${number}}\n`), places: [number + 1] };
}

const accepted: FakeAnswer = { status: 202, body: { accepted: 1, duplicates: 0, rejected: 0, nextOffset: 1 } };

async function upload(answer: (request: FakeRequest) => FakeAnswer | Promise<FakeAnswer>, count: number, options: Partial<UploadOptions> = {}) {
  await using server = await openFakeServer((_, request) => answer(request));
  await using client = createApiClient({ url: server.url });
  const totals = createTotals();
  const work = uploadBatches(batchesOf(count), totals, {
    client, clock: systemClock, stream: "clicks", backfill: false, idempotencyKey: "key", signal: new AbortController().signal, ...options,
  });
  const failure: unknown = await work.then(() => undefined, (thrown: unknown) => thrown);
  return { totals, failure, requests: server.requests };
}

test("each batch is one NDJSON request with its own idempotency key", async () => {
  const { totals, requests, failure } = await upload(() => accepted, 3, { backfill: true });
  assert.equal(failure, undefined);
  assert.equal(totals.accepted, 3);
  assert.deepEqual(requests.map(({ path, query, headers }) => [path, query, headers["content-type"]])[0], ["/v1/streams/clicks/events", { backfill: "true" }, "application/x-ndjson"]);
  assert.deepEqual(new Map(requests.map(({ headers, text }) => [headers["idempotency-key"], text])), new Map([["key-0", "{\"n\":0}\n"], ["key-1", "{\"n\":1}\n"], ["key-2", "{\"n\":2}\n"]]));
});

test("several requests are in flight, but never more than four", async () => {
  let open = 0;
  let most = 0;
  const gate = Promise.withResolvers<void>();
  const { failure } = await upload(async () => {
    most = Math.max(most, ++open);
    if (open === 4) gate.resolve();
    await gate.promise;
    open--;
    return accepted;
  }, 12);
  assert.equal(failure, undefined);
  assert.equal(most, 4);
});

test("a full server is waited for as it asks, with the same batch", async () => {
  const { clock, waits } = impatient();
  let tries = 0;
  const { totals, requests } = await upload(() => {
    if (++tries <= 2) throw new StrataError("INGEST_FULL", { pendingBytes: 1 }, { retryAfterSeconds: 3 });
    return accepted;
  }, 1, { clock });
  assert.equal(totals.accepted, 1);
  assert.deepEqual(waits, [3000, 3000]);
  assert.deepEqual(requests.map(({ headers }) => headers["idempotency-key"]), ["key-0", "key-0", "key-0"]);
});

test("a batch that is refused whole counts as dead letters, with reasons and places", async () => {
  const error = new StrataError("EVENT_INVALID", { count: 1, stream: "clicks" });
  const { totals, failure } = await upload(({ text }) => (text.includes("0")
    ? accepted
    : { status: 400, body: { error: error.toJSON(), accepted: 0, duplicates: 0, rejected: 1, nextOffset: 0, rows: [{ index: 0, deadLetterId: "1", problems: [{ path: "price", message: "expected a number", code: "invalid_type" }] }] } }), 3);
  assert.equal(failure, undefined);
  assert.deepEqual({ ...totals, reasons: [...totals.reasons] }, {
    accepted: 1, duplicates: 0, rejected: 2, reasons: [["invalid_type", 2]],
    examples: [2, 3].map((place) => ({ place, problems: [{ path: "price", message: "expected a number", code: "invalid_type" }] })),
  });
});

test("a refusal ends the upload after what is in flight", async () => {
  const { totals, failure, requests } = await upload(({ text }) => {
    if (text.includes("2")) throw new StrataError("BODY_TOO_LARGE", { limitBytes: 5 });
    return accepted;
  }, 100);
  assert.ok(isStrataError(failure) && failure.code === "BODY_TOO_LARGE");
  assert.ok(requests.length < 20, `${requests.length} requests after the refusal`);
  assert.equal(totals.accepted, requests.length - 1);
});

test("a source that fails is heard after what is in flight has ended", async () => {
  await using server = await openFakeServer(() => accepted);
  await using client = createApiClient({ url: server.url });
  const totals = createTotals();
  async function* broken(): AsyncGenerator<EventBatch> {
    yield* batchesOf(2);
    throw new StrataError("FILE_INVALID", { path: "x", format: "CSV", reason: "broken" });
  }
  await assert.rejects(uploadBatches(broken(), totals, { client, clock: systemClock, stream: "clicks", backfill: false, idempotencyKey: "k", signal: new AbortController().signal }),
    (thrown) => isStrataError(thrown) && thrown.code === "FILE_INVALID");
  assert.equal(totals.accepted, 2);
});

test("an interruption sends nothing new and says so", async () => {
  const stop = new AbortController();
  const { totals, failure, requests } = await upload(() => { stop.abort(); return accepted; }, 100, { signal: stop.signal });
  assert.ok(isStrataError(failure) && failure.code === "ABORTED");
  assert.equal(totals.accepted, requests.length, "what was in flight was finished and counted");
  assert.ok(requests.length <= 4);
});

test("only what waiting can help is tried again", () => {
  const delay = (error: StrataError, attempt: number) => retryDelayMs(error, attempt);
  const full = new StrataError("INGEST_FULL", { pendingBytes: 1 });
  assert.deepEqual([delay(full, 0), delay(full, 119), delay(full, 120)], [1000, 1000, undefined]);
  const gone = new StrataError("SERVER_UNREACHABLE", {});
  assert.deepEqual([0, 1, 2, 3, 4, 5, 6].map((attempt) => delay(gone, attempt)), [250, 500, 1000, 2000, 4000, 8000, undefined]);
  assert.equal(delay(new StrataError("BODY_INVALID", {}), 0), undefined);
  assert.equal(delay(new StrataError("ABORTED", {}), 0), undefined);
});
