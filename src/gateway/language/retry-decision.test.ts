import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ERRORS, StrataError } from "../../kernel/errors.ts";
import type { ErrorCode } from "../../kernel/errors.ts";
import { decideRetry, failureKindOf } from "./retry-decision.ts";
import type { FailedAttempt, FailureKind } from "./retry-decision.ts";

const failed: FailedAttempt = { kind: "failed", retryAfterSeconds: undefined, attempts: 1, retries: 2, hasUntried: false, remainingMs: 10_000, draw: 0 };
const decide = (change: Partial<FailedAttempt>) => decideRetry({ ...failed, ...change });

test("another target is asked at once, the same one after a pause that doubles, and as long as it asked for", () => {
  assert.deepEqual(decide({ hasUntried: true }), { action: "retry", waitMs: 0 });
  assert.deepEqual([decide({}), decide({ attempts: 2 })], [{ action: "retry", waitMs: 50 }, { action: "retry", waitMs: 100 }]);
  assert.deepEqual(decide({ kind: "busy", retryAfterSeconds: 2 }), { action: "retry", waitMs: 2_000 });
  assert.deepEqual(decide({ kind: "busy", retryAfterSeconds: 20 }), { action: "fail" });
});

test("a wrong key or name is no better a second time, but another target may be right", () => {
  assert.deepEqual([decide({ kind: "misconfigured" }), decide({ kind: "misconfigured", hasUntried: true })], [{ action: "fail" }, { action: "retry", waitMs: 0 }]);
});

test("law: the caller's mistakes are never repeated, attempts are never more than allowed, waits never longer than there is time", () => {
  const kinds: readonly FailureKind[] = ["refused", "busy", "failed", "slow", "misconfigured", "unsupported", "cancelled"];
  fc.assert(fc.property(fc.record({
    kind: fc.constantFrom(...kinds), retryAfterSeconds: fc.option(fc.double({ min: 0, max: 100, noNaN: true }), { nil: undefined }), attempts: fc.integer({ min: 1, max: 8 }),
    retries: fc.nat({ max: 6 }), hasUntried: fc.boolean(), remainingMs: fc.double({ min: -100, max: 60_000, noNaN: true }), draw: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  }), (attempt) => {
    const decision = decideRetry(attempt);
    if (attempt.kind === "refused" || attempt.kind === "cancelled" || attempt.attempts > attempt.retries) assert.equal(decision.action, "fail");
    if (decision.action === "retry") assert.ok(decision.waitMs === 0 || decision.waitMs < attempt.remainingMs);
  }), { numRuns: 500 });
});

test("every error of the table has a kind, and callers' faults are never blamed on a target", () => {
  for (const [code, { fault }] of Object.entries(ERRORS)) {
    const kind = failureKindOf(new StrataError(code as ErrorCode));
    if (fault === "caller" && !["OPERATION_UNSUPPORTED"].includes(code)) assert.ok(kind === "refused", `${code}: ${kind}`);
  }
  assert.equal(failureKindOf(new StrataError("UPSTREAM_FAILED", { status: 401 })), "misconfigured");
  assert.equal(failureKindOf(new StrataError("UPSTREAM_FAILED", { status: 503 })), "failed");
});
