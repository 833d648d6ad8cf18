/** A vector index: points with vectors and payloads, searched by nearness, by words and by filters. */
import type { z } from "zod";
import type { Problem } from "../kernel/errors.ts";
import type { LanguageModel } from "./language-model.ts";
import type { ServedModel } from "./served-model.ts";
import type { Stream } from "./stream.ts";

export type VectorDistanceName = "cosine" | "dot" | "euclid" | "manhattan";
export type PayloadFieldType = "keyword" | "integer" | "float" | "bool" | "datetime" | "uuid" | "geo" | "text";

/** Where vectors of texts come from. */
export type Embedding =
  | { readonly kind: "upstream"; readonly model: LanguageModel }
  | { readonly kind: "model"; readonly model: ServedModel; /** Its input, one text per row (BYTES), and its output. Default: the first of each. */ readonly input?: string; readonly output?: string }
  | { readonly kind: "function"; readonly embed: (text: string) => readonly number[] | Promise<readonly number[]> };

/** Embeds with a language model of the gateway: any OpenAI-compatible upstream. */
export function fromUpstream(model: LanguageModel): Embedding {
  return Object.freeze({ kind: "upstream" as const, model });
}

/** Embeds with a served model, for instance an ONNX file, that takes one text per row and gives one vector per row. */
export function fromModel(model: ServedModel, names: { readonly input?: string; readonly output?: string } = {}): Embedding {
  return Object.freeze({ kind: "model" as const, model, ...names });
}

/** Events that become points: one per key, the latest counts. */
export interface PointSource {
  readonly from: Stream;
  /** Field whose value names the point. It is kept in the payload under its own name. */
  readonly key: string;
  /** Field with the vector, or field with the text that the index's embedding makes one of. */
  readonly vector?: string;
  readonly text?: string;
}

/** Baskets of a stream: events with the same basket belong together. */
export interface LearnedSource {
  readonly from: Stream;
  readonly item: string;
  readonly basket: string;
}

export interface VectorIndexOptions {
  readonly description?: string;
  /** Numbers per vector. */
  readonly dimensions: number;
  /** Default "cosine". */
  readonly distance?: VectorDistanceName;
  /** Makes vectors of texts: for points that follow a stream, for searching by text. */
  readonly embedding?: Embedding | ((text: string) => readonly number[] | Promise<readonly number[]>);
  /** Fields to filter by; each is indexed by its type. Times are `z.iso.datetime()`, words are `z.string()`. */
  readonly payload?: z.ZodObject;
  /** Text fields of the payload that keyword search looks at. */
  readonly keywords?: readonly string[];
  readonly points?: PointSource;
  /** Vectors of items, learned from what was bought together, when `strata vectors train` asks for it. */
  readonly learned?: LearnedSource;
  /** Of the graph that large indexes have. Default: m 16, efConstruction 128. */
  readonly hnsw?: { readonly m?: number; readonly efConstruction?: number; readonly efSearch?: number };
}

export interface VectorIndex<Name extends string = string> {
  readonly kind: "vector-index";
  readonly name: Name;
  readonly description: string;
  readonly dimensions: number;
  readonly distance: VectorDistanceName;
  readonly embedding: Embedding | undefined;
  readonly fields: Readonly<Record<string, PayloadFieldType>>;
  readonly points: PointSource | undefined;
  readonly learned: LearnedSource | undefined;
  readonly hnsw: { readonly m: number; readonly efConstruction: number; readonly efSearch: number };
}

const HNSW = { m: 16, efConstruction: 128, efSearch: 128 };

/**
 * Declares a vector index.
 *
 * ```ts
 * const articles = defineVectorIndex("articles", {
 *   dimensions: 384, embedding: (text) => embed(text), payload: z.object({ section: z.string(), words: z.int() }), keywords: ["title"],
 * });
 * ```
 */
export function defineVectorIndex<const Name extends string>(name: Name, options: VectorIndexOptions): VectorIndex<Name> {
  const { embedding } = options;
  return Object.freeze({
    kind: "vector-index" as const, name, description: options.description ?? "", dimensions: options.dimensions, distance: options.distance ?? "cosine",
    embedding: typeof embedding === "function" ? Object.freeze({ kind: "function" as const, embed: embedding }) : embedding,
    fields: Object.freeze({ ...fieldsOf(options.payload), ...Object.fromEntries((options.keywords ?? []).map((field) => [field, "text" as const])) }),
    points: options.points, learned: options.learned, hnsw: Object.freeze({ ...HNSW, ...options.hnsw }),
  });
}

function fieldsOf(payload: z.ZodObject | undefined): Record<string, PayloadFieldType> {
  return Object.fromEntries(Object.entries(payload?.shape ?? {}).flatMap(([name, schema]) => {
    const type = fieldTypeOf(schema);
    return type === undefined ? [] : [[name, type]];
  }));
}

/** What zod keeps of a schema, as far as it is looked at. */
interface Shape { readonly def: { readonly type: string; readonly format?: string; readonly innerType?: Shape; readonly element?: Shape; readonly check?: string }; readonly format?: string | null }

/** undefined for what is kept but not indexed. */
function fieldTypeOf({ def, format }: Shape): PayloadFieldType | undefined {
  if (def.innerType) return fieldTypeOf(def.innerType);
  if (def.element) return fieldTypeOf(def.element);
  if (def.type === "string") return format === "datetime" || format === "date" ? "datetime" : format === "uuid" ? "uuid" : "keyword";
  if (def.type === "number" || def.type === "int") return format === "safeint" || format === "int32" || format === "uint32" ? "integer" : "float";
  if (def.type === "boolean") return "bool";
  return def.type === "enum" || def.type === "literal" ? "keyword" : undefined;
}

/** What else an index brings into the application: the stream its points follow, the model of its embedding. */
export function partsOf({ points, learned, embedding }: VectorIndex): readonly (Stream | LanguageModel | ServedModel)[] {
  return [...(points ? [points.from] : []), ...(learned ? [learned.from] : []), ...(embedding && embedding.kind !== "function" ? [embedding.model] : [])];
}

export function describeVectorIndex(index: VectorIndex): object {
  const { description, dimensions, distance, fields, hnsw, points, learned, embedding } = index;
  return {
    description, dimensions, distance, fields, hnsw, ...(embedding && { embedding: embedding.kind === "function" ? { kind: "function" } : { kind: embedding.kind, model: embedding.model.name } }),
    ...(points && { points: { ...points, from: points.from.name } }), ...(learned && { learned: { ...learned, from: learned.from.name } }),
  };
}

export function checkVectorIndex(index: VectorIndex): readonly Problem[] {
  const path = `vectorIndexes.${index.name}`;
  const { points, learned, embedding, dimensions, hnsw } = index;
  return [
    ...whole(`${path}.dimensions`, dimensions, { low: 1, high: 65_536 }), ...whole(`${path}.hnsw.m`, hnsw.m, { low: 4, high: 64 }),
    ...whole(`${path}.hnsw.efConstruction`, hnsw.efConstruction, { low: 4, high: 2_048 }), ...whole(`${path}.hnsw.efSearch`, hnsw.efSearch, { low: 1, high: 100_000 }),
    ...(points && (points.vector === undefined) === (points.text === undefined) ? [{ path: `${path}.points`, message: "names either the field of the vector or that of the text", code: "ambiguous" }] : []),
    ...(points && learned ? [{ path: `${path}.learned`, message: "points either follow a stream or are learned from one", code: "ambiguous" }] : []),
    ...(learned ? [learned.item, learned.basket].flatMap((field) => (field in learned.from.schema.shape ? [] : [{ path: `${path}.learned`, message: `stream "${learned.from.name}" has no field "${field}"`, code: "unknown-field" }])) : []),
    ...(points?.text !== undefined && embedding === undefined ? [{ path: `${path}.embedding`, message: "points made from a text need an embedding", code: "missing" }] : []),
    ...(points ? [points.key, points.vector, points.text].flatMap((field) => (field === undefined || field in points.from.schema.shape ? []
      : [{ path: `${path}.points`, message: `stream "${points.from.name}" has no field "${field}"`, code: "unknown-field" }])) : []),
  ];
}

function whole(path: string, value: number, { low, high }: { readonly low: number; readonly high: number }): readonly Problem[] {
  return Number.isInteger(value) && value >= low && value <= high ? [] : [{ path, message: `${value} is not a whole number from ${low} to ${high}`, code: "out-of-range" }];
}
