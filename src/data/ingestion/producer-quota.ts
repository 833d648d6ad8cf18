/** Quotas of producers: what one producer may send to a stream in a minute, in events and in bytes. A request is let through whole or not at all. */
import type { Clock } from "../../kernel/clock.ts";
import { StrataError } from "../../kernel/errors.ts";
import type { Stream } from "../../define/index.ts";
import type { RateLimiter, RateTake } from "../../ports/rate-limiter.ts";

/** Producers that do not say who they are share one quota. */
export const ANONYMOUS_PRODUCER = "anonymous";
const MAX_CHARACTERS = 256;

export interface ProducerQuota {
  /** QUOTA_EXCEEDED with the time to wait; QUOTA_TOO_SMALL when the request can never be let through. */
  charge(stream: Stream, request: { readonly producer: string | undefined; readonly events: number; readonly bytes: number }): Promise<void>;
}

export interface ProducerQuotaOptions {
  readonly limiter: RateLimiter;
  readonly clock: Clock;
  readonly onRefused: (stream: string) => void;
}

export function createProducerQuota({ limiter, clock, onRefused }: ProducerQuotaOptions): ProducerQuota {
  return {
    charge: async ({ name, quota }, { producer = ANONYMOUS_PRODUCER, events, bytes }) => {
      if (quota === undefined) return;
      refuseBadName(producer);
      const limits = [{ kind: "events", amount: events, limit: quota.eventsPerMinute }, { kind: "bytes", amount: bytes, limit: quota.bytesPerMinute }];
      const bucketOf = (kind: string): string => JSON.stringify(["ingest", name, producer, kind]);
      const takes = limits.flatMap(({ kind, amount, limit }): RateTake[] => (limit === undefined ? [] : [{ bucket: bucketOf(kind), amount, perMinute: limit }]));
      const refusal = takes.length === 0 ? undefined : await limiter.take(takes, clock.now());
      if (refusal === undefined) return;
      onRefused(name);
      const { kind, amount, limit } = limits.find((one) => bucketOf(one.kind) === refusal.bucket)!; // it is one of ours
      const details = { stream: name, producer, kind, amount, limit };
      throw Number.isFinite(refusal.retryAfterMs) ? new StrataError("QUOTA_EXCEEDED", details, { retryAfterSeconds: refusal.retryAfterMs / 1_000 }) : new StrataError("QUOTA_TOO_SMALL", details);
    },
  };
}

function refuseBadName(producer: string): void {
  if (producer !== "" && producer.length <= MAX_CHARACTERS && producer.isWellFormed()) return;
  throw new StrataError("REQUEST_INVALID", { reason: `A producer's name must be text of 1 to ${MAX_CHARACTERS} characters.` });
}
