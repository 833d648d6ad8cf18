/**
 * The gateway of language models over the upstreams of the running definition, with its caches and guardrails. Time is
 * real, also where events replay.
 */
import { randomBytes } from "node:crypto";
import type { Application, LanguageModel } from "../define/index.ts";
import { createGuardrailRunner, createLanguageGateway, createMemoryAnswerCache, createOpenPolicy, createTargetPool } from "../gateway/index.ts";
import type { CallPolicy, EmbedText, LanguageGateway } from "../gateway/index.ts";
import { systemClock } from "../kernel/clock.ts";
import { StrataError } from "../kernel/errors.ts";
import { createIdSource } from "../kernel/ids.ts";
import type { IdSource } from "../kernel/ids.ts";
import type { Logger, Meter } from "../ports/telemetry.ts";
import { createLanguageUpstreams } from "./language-upstreams.ts";

export interface LanguageLayerOptions {
  readonly application: () => Application;
  readonly logger: Logger;
  readonly telemetry: Meter;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Folder that files of local models are relative to. */
  readonly folder: string;
  /** Default: everybody may call everything. */
  readonly policy?: CallPolicy;
}

export interface LanguageLayer extends AsyncDisposable {
  readonly gateway: LanguageGateway;
  readonly ids: IdSource;
  /** One text to a vector, on nobody's key: for indexes of this process. */
  readonly embedText: EmbedText;
  /** For OpenAI's list of models. */
  readonly startedMs: number;
  readonly nowSeconds: () => number;
  applyDefinition(application: Application): void;
}

const SECRET_BYTES = 32;

export function createLanguageLayer({ application, logger, telemetry, environment, folder, policy }: LanguageLayerOptions): LanguageLayer {
  const ids = createIdSource(systemClock, Math.random);
  const upstreams = createLanguageUpstreams({ environment, logger, folder });
  const shared = {
    models: () => application().languageModels, upstreamOf: upstreams.of, clock: systemClock, random: Math.random, meter: telemetry, logger,
    pool: createTargetPool({ clock: systemClock, random: { next: Math.random }, meter: telemetry }),
  };
  /** Embeddings that the gateway itself needs are on nobody's key. */
  const own = createLanguageGateway({ ...shared, policy: createOpenPolicy({ ids }) });
  const embedText = createEmbedText(own, ids);
  const cache = createMemoryAnswerCache({ clock: systemClock, meter: telemetry, embed: embedText });
  const guardrails = createGuardrailRunner({ meter: telemetry, secret: randomBytes(SECRET_BYTES) });
  const gateway = createLanguageGateway({ ...shared, policy: policy ?? createOpenPolicy({ ids }), cache, guardrails });
  let models = new Map(application().languageModels);
  return {
    gateway, ids, embedText, startedMs: systemClock.now(), nowSeconds: () => Math.floor(systemClock.now() / 1_000),
    applyDefinition: (next) => {
      upstreams.keepOnly(next.upstreams.values());
      for (const [name, model] of models) if (next.languageModels.get(name) !== model) cache.forget(name);
      models = new Map(next.languageModels);
    },
    [Symbol.asyncDispose]: async () => {
      await gateway[Symbol.asyncDispose]();
      await own[Symbol.asyncDispose]();
      await upstreams[Symbol.asyncDispose]();
    },
  };
}

function createEmbedText(gateway: LanguageGateway, ids: IdSource): EmbedText {
  return async (model: LanguageModel, text, signal) => {
    const body = { model: model.name, input: text, encoding_format: "float" };
    const call = { operation: "embeddings" as const, model: model.name, body, sizeBytes: Buffer.byteLength(text), isStream: false, secret: undefined, requestId: `req_${ids.next()}`, signal: signal ?? NEVER };
    const answer = await gateway.call(call);
    const data = answer.kind === "whole" ? (answer.json["data"] as readonly { readonly embedding?: unknown }[] | undefined)?.[0]?.embedding : undefined;
    if (Array.isArray(data) && data.every((value) => typeof value === "number")) return data;
    throw new StrataError("UPSTREAM_FAILED", { upstream: model.name, reason: "its answer has no embedding" });
  };
}

const NEVER = new AbortController().signal;
