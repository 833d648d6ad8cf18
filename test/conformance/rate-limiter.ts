/**
 * The rate limiter's contract as tests: `rateLimiterConformance(engine, newPlace)` declares them for one engine.
 * A place holds the levels: `open` gives another handle to the same ones, as another process would have.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import type { RateLimiter, RateRefusal, RateTake } from "../../src/ports/rate-limiter.ts";
import { FULL_BUCKET, takeFromBucket, type BucketLevel } from "../../src/ports/token-bucket.ts";
import { caseDeclarer, type DeclareCase, type Skips } from "./cases.ts";
import "../law-seed.ts";

export interface RateLimiterPlace extends AsyncDisposable {
  open(): Promise<RateLimiter>;
}

type NewPlace = () => Promise<RateLimiterPlace>;
type InLimiter = (work: (limiter: RateLimiter, place: RateLimiterPlace) => Promise<void>) => Promise<void>;

const take = (amount: number, perMinute = 60, bucket = "a"): RateTake => ({ bucket, amount, perMinute });
/** Engines that forget idle buckets must not see a time that is long ago. */
const START_MS = 1_700_000_000_000;

export function rateLimiterConformance(engine: string, newPlace: NewPlace, skips: Skips = {}): void {
  const declare = caseDeclarer(`${engine} rate limiter`, skips);
  const inLimiter: InLimiter = async (work) => {
    await using place = await newPlace();
    await using limiter = await place.open();
    await work(limiter, place);
  };
  declareBuckets(declare, inLimiter);
  declareSharing(declare, inLimiter);
  declareClosing(declare, inLimiter);
  declare("any sequence of takes is answered as the plain bucket answers", () => checkLaws(newPlace));
}

function declareBuckets(declare: DeclareCase, inLimiter: InLimiter): void {
  declare("a new bucket holds one minute's worth, then says how long to wait", () => inLimiter(async (limiter) => {
    assert.equal(await limiter.take([take(60)], START_MS), undefined);
    assert.deepEqual(await limiter.take([take(1)], START_MS), { bucket: "a", retryAfterMs: 1_000 });
    assert.deepEqual(await limiter.take([take(1)], START_MS + 999), { bucket: "a", retryAfterMs: 1 });
    assert.equal(await limiter.take([take(1)], START_MS + 1_000), undefined);
    assert.deepEqual(await limiter.take([take(60)], START_MS + 1_000), { bucket: "a", retryAfterMs: 60_000 });
  }));

  declare("more than the bucket ever holds is refused for good, and takes nothing", () => inLimiter(async (limiter) => {
    assert.deepEqual(await limiter.take([take(61)], START_MS), { bucket: "a", retryAfterMs: Infinity });
    assert.equal(await limiter.take([take(60)], START_MS), undefined);
  }));

  declare("takes from all buckets or from none, and names the emptiest that refused", () => inLimiter(async (limiter) => {
    await limiter.take([take(60, 60, "a"), take(30, 60, "b"), take(600, 600, "c")], START_MS);
    assert.deepEqual(await limiter.take([take(1, 60, "a"), take(5, 60, "b"), take(1, 600, "c")], START_MS), { bucket: "a", retryAfterMs: 1_000 });
    assert.equal(await limiter.take([take(30, 60, "b")], START_MS), undefined); // the refused take left its 5
    assert.deepEqual(await limiter.take([take(1, 60, "a"), take(50, 600, "c")], START_MS), { bucket: "c", retryAfterMs: 5_000 });
  }));

  declare("a bucket that is named twice in one take pays twice", () => inLimiter(async (limiter) => {
    assert.deepEqual(await limiter.take([take(40), take(40)], START_MS), { bucket: "a", retryAfterMs: 20_000 });
    assert.equal(await limiter.take([take(30), take(30)], START_MS), undefined);
    assert.deepEqual(await limiter.take([take(1)], START_MS), { bucket: "a", retryAfterMs: 1_000 });
  }));

  declare("an empty list and an amount of 0 are always let through", () => inLimiter(async (limiter) => {
    await limiter.take([take(60)], START_MS);
    assert.equal(await limiter.take([], START_MS), undefined);
    assert.equal(await limiter.take([take(0)], START_MS), undefined);
  }));

  declare("a clock that goes back gives nothing back", () => inLimiter(async (limiter) => {
    await limiter.take([take(60)], START_MS + 60_000);
    assert.deepEqual(await limiter.take([take(1)], START_MS), { bucket: "a", retryAfterMs: 1_000 });
    assert.equal(await limiter.take([take(1)], START_MS + 61_000), undefined);
  }));

  declare("any name and any whole number up to a billion works", () => inLimiter(async (limiter) => {
    const bucket = "stream:clicks|producer:https://shop.example/ключ?a=b {c} 💡|events";
    assert.equal(await limiter.take([take(1_000_000_000, 1_000_000_000, bucket)], START_MS), undefined);
    assert.deepEqual(await limiter.take([take(1_000_000_000, 1_000_000_000, bucket)], START_MS + 30_001), { bucket, retryAfterMs: 29_999 });
  }));
}

function declareSharing(declare: DeclareCase, inLimiter: InLimiter): void {
  declare("handles of one place share the levels", () => inLimiter(async (limiter, place) => {
    await using other = await place.open();
    await limiter.take([take(60)], START_MS);
    assert.deepEqual(await other.take([take(1)], START_MS), { bucket: "a", retryAfterMs: 1_000 });
  }));

  declare("takes at the same time never let through more than there is", () => inLimiter(async (limiter, place) => {
    await using other = await place.open();
    const answers = await Promise.all(Array.from({ length: 60 }, (_, at) => (at % 2 === 0 ? limiter : other).take([take(2), take(1, 1_000, "b")], START_MS)));
    assert.equal(answers.filter((answer) => answer === undefined).length, 30);
    assert.equal(await limiter.take([take(970, 1_000, "b")], START_MS), undefined);
  }));
}

function declareClosing(declare: DeclareCase, inLimiter: InLimiter): void {
  declare("after close every take is refused with CLOSED", () => inLimiter(async (limiter) => {
    await limiter.close();
    await limiter.close();
    await assert.rejects(limiter.take([take(1)], START_MS), { code: "CLOSED" });
  }));
}

/** What the contract says, in a few lines. */
function answerOf(levels: Map<string, BucketLevel>, takes: readonly RateTake[], nowMs: number): RateRefusal | undefined {
  const next = new Map(levels);
  const refusals: RateRefusal[] = [];
  for (const { bucket, amount, perMinute } of takes) {
    const answer = takeFromBucket(next.get(bucket) ?? FULL_BUCKET, { amount, perMinute, atMs: nowMs });
    if (answer.taken) next.set(bucket, answer.level);
    else refusals.push({ bucket, retryAfterMs: answer.retryAfterMs });
  }
  if (refusals.length === 0) for (const [bucket, level] of next) levels.set(bucket, level);
  return refusals.toSorted((a, b) => b.retryAfterMs - a.retryAfterMs)[0];
}

const LIMITS: Readonly<Record<string, number>> = { a: 1, b: 60, c: 7_777 };
const takes = fc.array(fc.record({ bucket: fc.constantFrom("a", "b", "c"), amount: fc.nat(100) }), { maxLength: 3 });
const steps = fc.array(fc.record({ takes, waitMs: fc.nat(30_000) }), { maxLength: 40 });

async function checkLaws(newPlace: NewPlace): Promise<void> {
  await fc.assert(fc.asyncProperty(steps, async (list) => {
    await using place = await newPlace();
    await using limiter = await place.open();
    const levels = new Map<string, BucketLevel>();
    let nowMs = START_MS;
    for (const step of list) {
      nowMs += step.waitMs;
      const asked = step.takes.map(({ bucket, amount }) => take(amount, LIMITS[bucket], bucket));
      assert.deepEqual(await limiter.take(asked, nowMs), answerOf(levels, asked, nowMs));
    }
  }), { numRuns: 50 });
}
