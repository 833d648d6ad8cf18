/**
 * The upstreams of the running definition, opened when they are first asked. One that leaves the definition, or
 * changes, is closed when its calls have ended. Secrets are read from the environment here and go no further than their engine.
 */
import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import type { Target, Upstream } from "../define/language-model.ts";
import { StrataError, reasonOf } from "../kernel/errors.ts";
import { systemClock } from "../kernel/clock.ts";
import { createAnthropicUpstream } from "../engines/anthropic/anthropic-upstream.ts";
import { loadLlamaLibrary } from "../engines/llama/llama-library.ts";
import { createLlamaUpstream } from "../engines/llama/llama-upstream.ts";
import { createOpenAiUpstream } from "../engines/openai/openai-upstream.ts";
import { createUndiciTransport } from "../engines/undici/undici-transport.ts";
import type { LanguageUpstream } from "../ports/language-upstream.ts";
import type { Logger } from "../ports/telemetry.ts";

export interface LanguageUpstreamsOptions {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly logger: Logger;
  /** Files of local models are relative to it. */
  readonly folder: string;
}

export interface LanguageUpstreams extends AsyncDisposable {
  /** UPSTREAM_FAILED when its secret's variable is not set. */
  of(target: Target): LanguageUpstream;
  /** Closes those that are not among these. */
  keepOnly(upstreams: Iterable<Upstream>): void;
}

export function createLanguageUpstreams({ environment, logger, folder }: LanguageUpstreamsOptions): LanguageUpstreams {
  const open = new Map<string, LanguageUpstream>();
  const closing = new Set<Promise<void>>();
  const close = (key: string, upstream: LanguageUpstream): void => {
    open.delete(key);
    const closed = Promise.resolve(upstream[Symbol.asyncDispose]())
      .catch((thrown: unknown) => logger.log("warn", `An upstream could not be closed: ${reasonOf(thrown)}`))
      .finally(() => closing.delete(closed));
    closing.add(closed);
  };
  return {
    of: ({ upstream }) => {
      const key = keyOf(upstream);
      const known = open.get(key);
      if (known) return known;
      const opened = openUpstream(upstream, { environment, logger, folder });
      open.set(key, opened);
      return opened;
    },
    keepOnly: (upstreams) => {
      const kept = new Set(Array.from(upstreams, keyOf));
      for (const [key, upstream] of open) if (!kept.has(key)) close(key, upstream);
    },
    [Symbol.asyncDispose]: async () => {
      for (const [key, upstream] of open) close(key, upstream);
      await Promise.all(closing);
    },
  };
}

const keys = new WeakMap<Upstream, string>();

/** Equal declarations share connections, also across reloads of the definition. */
function keyOf(upstream: Upstream): string {
  let key = keys.get(upstream);
  if (key === undefined) keys.set(upstream, key = JSON.stringify([upstream.name, upstream.dialect, upstream.url, upstream.apiKey?.variable, upstream.connections]));
  return key;
}

const nowSeconds = (): number => Math.floor(systemClock.now() / 1_000);
/** Each sequence takes its share of the context's memory, and the processor is shared anyway. */
const LLAMA_SEQUENCES = 4;
const LLAMA_THREADS = Math.max(1, availableParallelism() - 1);

function openUpstream({ name, dialect, url, apiKey, connections }: Upstream, { environment, folder }: LanguageUpstreamsOptions): LanguageUpstream {
  const value = apiKey && environment[apiKey.variable];
  if (apiKey && (value === undefined || value === "")) throw new StrataError("UPSTREAM_FAILED", { upstream: name, status: 401, reason: `the environment variable ${apiKey.variable} with its key is not set` });
  if (dialect === "anthropic") return createAnthropicUpstream({ name, apiKey: value, transport: createUndiciTransport({ name, url, connections }), nowSeconds });
  if (dialect === "llama") return createLlamaUpstream({ name, file: resolve(folder, url), sequences: Math.min(connections, LLAMA_SEQUENCES), threads: LLAMA_THREADS, load: () => loadLlamaLibrary(folder), nowSeconds });
  return createOpenAiUpstream({ name, url, apiKey: value, transport: createUndiciTransport({ name, url, connections }) });
}
