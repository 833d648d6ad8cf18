/** Vector indexes over their engines: those of the definition and those made at run time, with the embeddings wired in. */
import { randomInt } from "node:crypto";
import { createDefinedIndexes, createVectorIndexes, learnIndex } from "../data/index.ts";
import type { EmbedTexts, VectorIndexes } from "../data/index.ts";
import type { Application, Embedding } from "../define/index.ts";
import { vectorEngine } from "../engines/vectors/vector-rows.ts";
import { systemClock } from "../kernel/clock.ts";
import { StrataError, reasonOf } from "../kernel/errors.ts";
import { createRandom } from "../kernel/random.ts";
import type { Logger, Meter } from "../ports/telemetry.ts";
import { createVectorDesk } from "../protocols/admin/vector-desk.ts";
import type { VectorDesk } from "../protocols/admin/vector-desk.ts";
import type { FeastDocuments } from "../protocols/feast/search.ts";
import { createQdrantHandler } from "../protocols/qdrant/qdrant.ts";
import type { QdrantHandler } from "../protocols/qdrant/qdrant.ts";
import type { ModelServer } from "../serving/index.ts";
import type { DataLayer } from "./data-layer.ts";
import type { Engines } from "./engines.ts";
import type { LanguageLayer } from "./language-layer.ts";

export interface VectorsLayer extends AsyncDisposable {
  readonly indexes: VectorIndexes;
  readonly desk: VectorDesk;
  readonly qdrant: QdrantHandler;
  readonly documents: FeastDocuments;
  applyDefinition(application: Application): Promise<void>;
}

export interface VectorsLayerOptions {
  readonly engines: Engines;
  readonly data: DataLayer;
  readonly application: () => Application;
  readonly logger: Logger;
  readonly telemetry: Meter;
  readonly language: Pick<LanguageLayer, "embedText">;
  readonly models: Pick<ModelServer, "infer" | "metadata">;
}

/** Texts that are embedded at the same time. */
const EMBEDDED_AT_ONCE = 16;

export async function openVectorsLayer({ engines, data, application, logger, telemetry, language, models }: VectorsLayerOptions): Promise<VectorsLayer> {
  const { log, states, blobs } = engines;
  await using stack = new AsyncDisposableStack();
  const indexes = stack.use(createVectorIndexes({ log, states, blobs, engine: vectorEngine, clock: systemClock, ids: data.ids, random: createRandom(randomInt(2 ** 32)), logger, meter: telemetry }));
  await indexes.start();
  const embed: EmbedTexts = async (index, texts) => {
    const { embedding } = index;
    if (embedding === undefined) throw new StrataError("REQUEST_INVALID", { reason: `Vector index "${index.name}" has no embedding: search it by vector.` });
    try {
      return await embedTexts(embedding, texts, { language, models });
    } catch (thrown) {
      throw new StrataError("EMBEDDING_FAILED", { index: index.name, reason: reasonOf(thrown) }, { cause: thrown });
    }
  };
  const embedText = async (name: string, text: string): Promise<readonly number[]> => {
    const index = application().vectorIndexes.get(indexes.index(name).name);
    if (index === undefined) throw new StrataError("REQUEST_INVALID", { reason: `Vector index "${name}" has no embedding: search it by vector.` });
    return (await embed(index, [text]))[0]!;
  };
  const defined = stack.use(createDefinedIndexes({ indexes, log, decoder: data.decoder, logger, embed }));
  await defined.applyDefinition(application());
  const isDefined = (name: string): boolean => application().vectorIndexes.has(name);
  const desk = createVectorDesk({ indexes, embed: embedText, isDefined, caughtUp: (name) => defined.caughtUp(name), train: (name, signal) => {
    const index = application().vectorIndexes.get(name);
    if (index === undefined) throw new StrataError("REQUEST_INVALID", { reason: `Vector index "${name}" is not in the definition: only indexes with \`learned\` are trained.` });
    return learnIndex(index, { lake: data.lake, indexes, signal });
  } });
  const owned = stack.move();
  return {
    indexes, desk,
    qdrant: createQdrantHandler({ indexes, clock: systemClock, isDefined, embed: embedText }),
    documents: {
      names: indexes.names,
      search: async (index, { vector, limit }) => {
        const { hits } = indexes.query(index, { query: { kind: "nearest", vector }, limit });
        const { points } = indexes.index(index);
        return hits.map(({ slot, score }) => ({ id: String(points.id(slot)), score, payload: points.payload(slot) }));
      },
    },
    applyDefinition: (next) => defined.applyDefinition(next),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

async function embedTexts(embedding: Embedding, texts: readonly string[], { language, models }: Pick<VectorsLayerOptions, "language" | "models">): Promise<readonly (readonly number[])[]> {
  if (embedding.kind === "model") return embedByModel(embedding, texts, models);
  const one = async (text: string): Promise<readonly number[]> => (embedding.kind === "function" ? embedding.embed(text) : [...await language.embedText(embedding.model, text, undefined)]);
  const vectors: (readonly number[])[] = [];
  for (let from = 0; from < texts.length; from += EMBEDDED_AT_ONCE) vectors.push(...await Promise.all(texts.slice(from, from + EMBEDDED_AT_ONCE).map(one)));
  return vectors;
}

/** All texts as one tensor: the model server batches and splits as the model's settings say. */
async function embedByModel({ model, input, output }: Extract<Embedding, { kind: "model" }>, texts: readonly string[], models: Pick<ModelServer, "infer" | "metadata">): Promise<readonly (readonly number[])[]> {
  if (texts.length === 0) return [];
  const { inputs } = await models.metadata(model.name);
  const spec = inputs.find(({ name }) => input === undefined || name === input);
  if (spec === undefined) throw new StrataError("INFERENCE_INVALID", { reason: `model "${model.name}" has no input "${input}"` });
  const shape = spec.shape.length >= 2 ? [texts.length, 1] : [texts.length];
  const { outputs } = await models.infer({ model: model.name, inputs: [{ name: spec.name, datatype: "BYTES", shape, data: texts.map((text) => Buffer.from(text)) }], ...(output !== undefined && { outputs: [output] }) });
  const answer = outputs[0]!;
  const numbers = Array.from(answer.data as ArrayLike<number>, Number);
  const length = numbers.length / texts.length;
  return texts.map((_, i) => numbers.slice(i * length, (i + 1) * length));
}
