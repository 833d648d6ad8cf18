/** Collections as Qdrant describes and configures them. What is asked for but has no meaning here is kept and shown again. */
import { DEFAULT_HNSW } from "../../data/index.ts";
import type { DenseSettings, FieldType, IndexSettings, IndexState } from "../../data/index.ts";
import { invalid } from "./envelope.ts";
import { objectOf, wholeNumber } from "./wire-points.ts";
import type { Json } from "./wire-points.ts";

const DISTANCES = { Cosine: "cosine", Dot: "dot", Euclid: "euclid", Manhattan: "manhattan" } as const;
const NAMES = { cosine: "Cosine", dot: "Dot", euclid: "Euclid", manhattan: "Manhattan" } as const;
const FIELD_TYPES: ReadonlySet<string> = new Set(["keyword", "integer", "float", "bool", "datetime", "uuid", "geo", "text"] satisfies FieldType[]);
const MAX_DIMENSIONS = 65_536;

export function settingsOf(body: Json): IndexSettings {
  const hnsw = hnswOf(body["hnsw_config"]);
  const given = body["vectors"] === undefined || body["vectors"] === null ? {} : objectOf(body["vectors"], "vectors");
  const vectors = "size" in given ? { "": given } : given;
  const sparse = body["sparse_vectors"] === undefined || body["sparse_vectors"] === null ? {} : objectOf(body["sparse_vectors"], "sparse_vectors");
  const extra = Object.fromEntries(["quantization_config", "optimizers_config", "on_disk_payload", "metadata"].flatMap((key) => (body[key] === undefined || body[key] === null ? [] : [[key, body[key]]])));
  return {
    vectors: Object.fromEntries(Object.entries(vectors).map(([name, one]) => [name, denseOf(objectOf(one, "vectors"), hnsw)])),
    sparse: Object.fromEntries(Object.entries(sparse).map(([name, one]) => [name, { usesIdf: (one as Json | null)?.["modifier"] === "idf" }])),
    fields: {}, ...(Object.keys(extra).length > 0 && { extra }),
  };
}

function denseOf(given: Json, hnsw: typeof DEFAULT_HNSW): DenseSettings {
  const dimensions = wholeNumber(given["size"], "size");
  if (dimensions < 1 || dimensions > MAX_DIMENSIONS) throw invalid(`vectors.size: value ${dimensions} invalid, must be from 1 to ${MAX_DIMENSIONS}`);
  if (given["multivector_config"] !== undefined && given["multivector_config"] !== null) throw invalid("multivectors are not supported");
  const distance = DISTANCES[given["distance"] as keyof typeof DISTANCES];
  if (distance === undefined) throw invalid(`unknown variant ${JSON.stringify(given["distance"])}, expected one of Cosine, Euclid, Dot, Manhattan`);
  return { dimensions, distance, hnsw: { ...hnsw, ...hnswGiven(given["hnsw_config"]) } };
}

function hnswOf(value: unknown): typeof DEFAULT_HNSW {
  return { ...DEFAULT_HNSW, ...hnswGiven(value) };
}

function hnswGiven(value: unknown): Partial<typeof DEFAULT_HNSW> {
  if (value === undefined || value === null) return {};
  const { m, ef_construct: efConstruction } = objectOf(value, "hnsw_config");
  return {
    ...(typeof m === "number" && { m: Math.max(4, Math.min(64, wholeNumber(m, "m"))) }),
    ...(typeof efConstruction === "number" && { efConstruction: Math.max(4, Math.min(2_048, wholeNumber(efConstruction, "ef_construct"))) }),
  };
}

/** PATCH: what can change without building anew; the rest stays. */
export function updatedSettings(settings: IndexSettings, body: Json): IndexSettings {
  return { ...settings, extra: { ...settings.extra, ...Object.fromEntries(["quantization_config", "optimizers_config", "metadata"].flatMap((key) => (body[key] === undefined || body[key] === null ? [] : [[key, body[key]]]))) } };
}

export function fieldTypeOf(schema: unknown): FieldType {
  const type = typeof schema === "string" ? schema : schema === undefined || schema === null ? undefined : objectOf(schema, "field_schema")["type"];
  if (typeof type === "string" && FIELD_TYPES.has(type)) return type as FieldType;
  throw invalid(`field_schema must be one of ${[...FIELD_TYPES].join(", ")}`);
}

export function describeCollection({ points, waiting }: IndexState): object {
  const { settings } = points;
  const statistics = [...points.dense.values()].map((rows) => rows.statistics());
  const vectors = Object.entries(settings.vectors).map(([name, { dimensions, distance, hnsw }]) => [name, {
    size: dimensions, distance: NAMES[distance], ...(hnsw.m !== DEFAULT_HNSW.m || hnsw.efConstruction !== DEFAULT_HNSW.efConstruction ? { hnsw_config: { m: hnsw.m, ef_construct: hnsw.efConstruction } } : {}),
  }] as const);
  const isSingle = vectors.length === 1 && vectors[0]![0] === "";
  const { quantization_config: quantization = null, optimizers_config: optimizers = {}, metadata } = settings.extra ?? {};
  return {
    status: waiting > 0 || statistics.some(({ isMaintaining }) => isMaintaining) ? "yellow" : "green", optimizer_status: "ok",
    indexed_vectors_count: statistics.reduce((sum, { linked }) => sum + linked, 0), points_count: points.count, segments_count: 1,
    config: {
      params: {
        vectors: isSingle ? vectors[0]![1] : Object.fromEntries(vectors), shard_number: 1, replication_factor: 1, write_consistency_factor: 1, on_disk_payload: true,
        ...(Object.keys(settings.sparse).length > 0 && { sparse_vectors: Object.fromEntries(Object.entries(settings.sparse).map(([name, { usesIdf }]) => [name, usesIdf ? { modifier: "idf" } : {}])) }),
      },
      hnsw_config: { m: DEFAULT_HNSW.m, ef_construct: DEFAULT_HNSW.efConstruction, full_scan_threshold: 10_000, max_indexing_threads: 1, on_disk: false },
      optimizer_config: { deleted_threshold: 0.1, vacuum_min_vector_number: 1_000, default_segment_number: 1, max_segment_size: null, memmap_threshold: null, indexing_threshold: 20_000, flush_interval_sec: 5, max_optimization_threads: 1, ...(optimizers as Json) },
      wal_config: { wal_capacity_mb: 64, wal_segments_ahead: 0 }, quantization_config: quantization, ...(metadata !== undefined && { metadata }),
    },
    payload_schema: Object.fromEntries(Object.entries(settings.fields).map(([field, type]) => [field, { data_type: type, points: points.count }])),
  };
}
