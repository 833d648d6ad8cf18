/**
 * The gateway of language models: one call from its caller to its settlement. Who may call and for how much is the policy's,
 * where the answer comes from the attempts', what a stream uses the relay's; this file is the order of events.
 */
import type { LanguageModel, Target } from "../../define/language-model.ts";
import type { Clock } from "../../kernel/clock.ts";
import { StrataError, reasonOf } from "../../kernel/errors.ts";
import type { LanguageUpstream } from "../../ports/language-upstream.ts";
import type { Logger, Meter } from "../../ports/telemetry.ts";
import type { AnswerCache } from "./cache/answer-cache.ts";
import type { CallPolicy } from "./call-policy.ts";
import { createCallTelemetry } from "./call-telemetry.ts";
import type { GuardrailRunner } from "./guardrails/guarded-call.ts";
import type { LanguageAnswer, LanguageCall } from "./language-call.ts";
import { runCall } from "./run-call.ts";
import type { CallParts } from "./run-call.ts";
import type { TargetPool } from "./target-pool.ts";
import type { FleetReport } from "../../serving/index.ts";

export interface LanguageGatewayOptions {
  /** Of the running definition. */
  readonly models: () => ReadonlyMap<string, LanguageModel>;
  readonly upstreamOf: (target: Target) => LanguageUpstream;
  readonly policy: CallPolicy;
  readonly pool: TargetPool;
  readonly cache?: AnswerCache;
  readonly guardrails?: GuardrailRunner;
  readonly clock: Clock;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly meter: Meter;
  readonly logger: Logger;
}

export interface LanguageGateway extends AsyncDisposable {
  /**
   * LANGUAGE_MODEL_NOT_FOUND, REQUEST_INVALID, what the policy raises, UPSTREAM_REFUSED (400), UPSTREAM_BUSY (429),
   * UPSTREAM_FAILED (502), UPSTREAM_UNAVAILABLE (503), DEADLINE_EXCEEDED (504), GUARDRAIL_REFUSED. A stream raises
   * STREAM_BROKEN, DEADLINE_EXCEEDED or BUDGET_SPENT where it ends before its end.
   */
  call(call: LanguageCall): Promise<LanguageAnswer>;
  models(): readonly LanguageModel[];
  /** Each model's targets: what they do, and what is wrong with those that do not. */
  upstreams(): readonly FleetReport[];
  /** Resolves when every call that has ended is settled. */
  settled(): Promise<void>;
}

export function createLanguageGateway(options: LanguageGatewayOptions): LanguageGateway {
  const { models, pool, logger } = options;
  const settling = new Set<Promise<void>>();
  const settle = (settlement: Promise<void>): void => {
    const known = settlement.catch((thrown: unknown) => logger.log("error", `A call could not be settled: ${reasonOf(thrown)}`)).finally(() => settling.delete(known));
    settling.add(known);
  };
  const open = createOpenCalls();
  const telemetry = createCallTelemetry(options);
  const parts: CallParts = {
    ...options, cache: options.cache, guardrails: options.guardrails, settle, begun: open.begun,
    telemetry: {
      finished: (call) => {
        telemetry.finished(call);
        open.ended();
      },
    },
  };
  const settled = async (): Promise<void> => {
    while (settling.size > 0) await Promise.all(settling);
  };

  return {
    call: (call) => {
      const model = models().get(call.model);
      if (model === undefined) return Promise.reject(new StrataError("LANGUAGE_MODEL_NOT_FOUND", { model: call.model, known: [...models().keys()].join(", ") }));
      return runCall(parts, model, call);
    },
    models: () => [...models().values()],
    upstreams: () => pool.reports(models().values()),
    settled,
    [Symbol.asyncDispose]: async () => {
      await open.none(CLOSE_MS);
      await settled();
    },
  };
}

/** Streams whose callers were cut off may still tell their usage; after this the ledger books them as it finds them. */
const CLOSE_MS = 5_000;

function createOpenCalls() {
  let count = 0;
  let wake = (): void => undefined;
  return {
    begun: () => { count += 1; },
    ended: () => {
      count -= 1;
      if (count === 0) setImmediate(wake); // its settlement has begun by then
    },
    none: async (timeoutMs: number): Promise<void> => {
      if (count === 0) return;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, timeoutMs);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    },
  };
}
