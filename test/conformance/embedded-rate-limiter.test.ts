/** The embedded rate limiter: its contract, and that it forgets callers who have gone. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { createEmbeddedRateLimiter } from "../../src/engines/embedded/rate-limiter.ts";
import { rateLimiterConformance } from "./rate-limiter.ts";

rateLimiterConformance("embedded", async () => {
  const limiter = createEmbeddedRateLimiter();
  const handle = { take: limiter.take, close: async () => undefined, [Symbol.asyncDispose]: async () => undefined };
  let isFirst = true;
  const open = async () => {
    const opened = isFirst ? limiter : handle; // one process: every handle is the same one
    isFirst = false;
    return opened;
  };
  return { open, [Symbol.asyncDispose]: () => limiter.close() };
});

test("embedded rate limiter: a million callers of long ago take no memory", async () => {
  await using limiter = createEmbeddedRateLimiter();
  const collect = collector();
  collect();
  const before = process.memoryUsage().heapUsed;
  for (let caller = 0; caller < 300_000; caller++) await limiter.take([{ bucket: `caller ${caller}`, amount: 1, perMinute: 60 }], caller * 10);
  collect();
  const grownBytes = process.memoryUsage().heapUsed - before;
  assert.ok(grownBytes < 20_000_000, `${grownBytes} bytes are held for callers that refilled long ago`);
  assert.deepEqual(await limiter.take([{ bucket: "caller 299999", amount: 60, perMinute: 60 }], 299_999 * 10), { bucket: "caller 299999", retryAfterMs: 1_000 });
});

function collector(): () => void {
  setFlagsFromString("--expose-gc");
  return runInNewContext("gc") as () => void; // which the flag brings
}
