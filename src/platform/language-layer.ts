/** The gateway of language models over the upstreams of the running definition. Time is real, also where events replay. */
import type { Application } from "../define/index.ts";
import { createLanguageGateway, createOpenPolicy, createTargetPool } from "../gateway/index.ts";
import type { CallPolicy, LanguageGateway } from "../gateway/index.ts";
import { systemClock } from "../kernel/clock.ts";
import { createIdSource } from "../kernel/ids.ts";
import type { IdSource } from "../kernel/ids.ts";
import type { Logger, Meter } from "../ports/telemetry.ts";
import { createLanguageUpstreams } from "./language-upstreams.ts";

export interface LanguageLayerOptions {
  readonly application: () => Application;
  readonly logger: Logger;
  readonly telemetry: Meter;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Default: everybody may call everything. */
  readonly policy?: CallPolicy;
}

export interface LanguageLayer extends AsyncDisposable {
  readonly gateway: LanguageGateway;
  readonly ids: IdSource;
  /** For OpenAI's list of models. */
  readonly startedMs: number;
  applyDefinition(application: Application): void;
}

export function createLanguageLayer({ application, logger, telemetry, environment, policy }: LanguageLayerOptions): LanguageLayer {
  const ids = createIdSource(systemClock, Math.random);
  const upstreams = createLanguageUpstreams({ environment, logger });
  const gateway = createLanguageGateway({
    models: () => application().languageModels, upstreamOf: (target) => upstreams.of(target), policy: policy ?? createOpenPolicy({ ids }),
    pool: createTargetPool({ clock: systemClock, random: { next: Math.random }, meter: telemetry }), clock: systemClock, random: Math.random, meter: telemetry, logger,
  });
  return {
    gateway, ids, startedMs: systemClock.now(),
    applyDefinition: (next) => upstreams.keepOnly(next.upstreams.values()),
    [Symbol.asyncDispose]: async () => {
      await gateway[Symbol.asyncDispose]();
      await upstreams[Symbol.asyncDispose]();
    },
  };
}
