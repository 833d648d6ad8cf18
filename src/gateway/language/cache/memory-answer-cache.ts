/** The answer caches in this process's memory: exact by digest, similar by embedding within a partition. */
import type { Clock } from "../../../kernel/clock.ts";
import type { Meter } from "../../../ports/telemetry.ts";
import type { AnswerCache, AnswerQuestion, CachedAnswer, CacheLookup, EmbedText } from "./answer-cache.ts";
import { createKeptAnswers } from "./kept-answers.ts";
import { exactDigest, similarQuestion } from "./request-digest.ts";
import { createSimilarAnswers, type AskedText } from "./similar-answers.ts";
import { unitVector } from "./similar-texts.ts";

export interface MemoryAnswerCacheOptions {
  readonly clock: Clock;
  readonly meter: Meter;
  /** For the exact and the similar answers, each. Default 64 MiB. */
  readonly maxBytes?: number;
  /** Needed by models with a semantic cache; without it theirs is off. */
  readonly embed?: EmbedText;
}

const DEFAULT_BYTES = 64 * 1024 * 1024;

export function createMemoryAnswerCache({ clock, meter, maxBytes = DEFAULT_BYTES, embed }: MemoryAnswerCacheOptions): AnswerCache {
  const lookups = meter.counter("strata_answer_cache_lookups_total", "Questions to the answer cache by model and status: hit, similar, miss, and embed-failed beside these.");
  const exact = createKeptAnswers({ maxBytes });
  const similar = createSimilarAnswers({ maxBytes });

  /** What a similar answer is looked for with; undefined when the model or the request does not allow it. */
  const askedText = async (question: AnswerQuestion): Promise<AskedText | undefined> => {
    const { semanticCache, name } = question.model;
    const asked = semanticCache && embed && similarQuestion(question);
    if (!asked) return undefined;
    try {
      const vector = unitVector(await embed(semanticCache.embedWith, asked.text, question.signal));
      return vector && { ...asked, vector };
    } catch {
      lookups.add(1, { model: name, status: "embed-failed" }); // the call itself goes on
      return undefined;
    }
  };
  const lookUp = async (question: AnswerQuestion): Promise<CacheLookup> => {
    const { name, cacheMs, semanticCache } = question.model;
    const id = cacheMs > 0 ? exactDigest(question) : undefined;
    const kept = id === undefined ? undefined : exact.get(id, clock.now());
    if (kept) return { status: "hit", answer: kept.answer, ageMs: clock.now() - kept.storedAtMs };
    const asked = await askedText(question);
    const near = asked && similar.find({ ...asked, minSimilarity: semanticCache!.minSimilarity }, clock.now());
    if (near) return { status: "similar", answer: near.kept.answer, ageMs: clock.now() - near.kept.storedAtMs, similarity: near.similarity };
    if (id === undefined && asked === undefined) return { status: "off" };
    const store = (answer: CachedAnswer): void => {
      const storedAtMs = clock.now();
      if (id !== undefined) exact.put({ id, model: name, answer, storedAtMs, expiresAtMs: storedAtMs + cacheMs, extraBytes: 0 });
      if (asked !== undefined) similar.keep(asked, { model: name, answer, storedAtMs, expiresAtMs: storedAtMs + semanticCache!.keepMs });
    };
    return { status: "miss", store };
  };
  return {
    lookUp: async (question) => {
      const found = await lookUp(question);
      if (found.status !== "off") lookups.add(1, { model: question.model.name, status: found.status });
      return found;
    },
    forget: (model) => {
      exact.forget(model);
      similar.forget(model);
    },
  };
}
