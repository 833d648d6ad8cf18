/**
 * Builds the model's input rows for a request: keys, candidates, one read per feature view, on-demand features,
 * all at one moment, together with the log offsets of that moment.
 */
import type { CandidateEngine, FeatureEngine, FindSimilarItems, VectorAssembler } from "../data/index.ts";
import type { Endpoint, FeatureView } from "../define/index.ts";
import type { Matrix } from "../ports/model-runtime.ts";

export interface FeatureRows {
  readonly matrix: Matrix;
  /** Entity keys of each row. */
  readonly keys: readonly Readonly<Record<string, string>>[];
  /** Ranking endpoints: candidate features of each row, in the order of CANDIDATE_FEATURES. */
  readonly candidateFeatures: readonly (readonly number[])[];
  readonly offsets: Readonly<Record<string, number>>;
  /** Ranking endpoints only. */
  readonly candidateOffsets: Readonly<Record<string, number>> | undefined;
  readonly seedItems: readonly string[];
  /** Of the rows' items, those that only nearness by embedding brought. */
  readonly similarItems: readonly string[];
}

export interface FeatureRowSource {
  readonly features: FeatureEngine;
  readonly candidates: CandidateEngine;
  readonly similar: FindSimilarItems;
}

/** Streams whose acknowledged events must be visible before the endpoint reads. */
export function streamsOf(endpoint: Endpoint, assembler: VectorAssembler): readonly string[] {
  const fromViews = assembler.views.map((view) => view.from.name);
  const fromCandidates = endpoint.candidates?.interactions.map((interaction) => interaction.from.name) ?? [];
  return [...new Set([...fromViews, ...fromCandidates])];
}

export interface RowRequest {
  readonly endpoint: Endpoint;
  readonly request: Readonly<Record<string, unknown>>;
  readonly assembler: VectorAssembler;
  readonly atMs: number;
}

/** Synchronous on purpose: every value belongs to the same offsets. Call `fresh` of both engines before. */
export function readFeatureRows(source: FeatureRowSource, { endpoint, request, assembler, atMs }: RowRequest): FeatureRows {
  const requestKeys = Object.fromEntries(Object.entries(endpoint.keys).map(([entity, field]) => [entity, String(request[field])]));
  const { keys, candidateFeatures, seedItems, similarItems } = expandCandidates(source, { endpoint, request, requestKeys, atMs });
  const rows = keys.length;
  const columns = assembler.columns.length;
  const values = new Float64Array(rows * columns);
  const byView = assembler.views.map((view) => ({ name: view.name, row: viewReader(source.features, view, { keys, atMs, perRequest: requestKeys }) }));
  const sources = new Map<string, readonly unknown[]>();
  for (let row = 0; row < rows; row++) {
    for (const view of byView) sources.set(view.name, view.row(row));
    if (endpoint.candidates) sources.set(endpoint.candidates.name, candidateFeatures[row]!);
    assembler.assemble(sources, atMs, values, row * columns);
  }
  const streams = streamsOf(endpoint, assembler);
  const offsets = Object.fromEntries(streams.map((stream) => [stream, source.features.appliedOffset(stream)]));
  const candidateOffsets = endpoint.candidates && source.candidates.appliedOffsets(endpoint.candidates.name);
  return { matrix: { values, rows, columns }, keys, candidateFeatures, offsets, candidateOffsets, seedItems, similarItems };
}

interface ViewQuestion {
  readonly keys: readonly Readonly<Record<string, string>>[];
  readonly atMs: number;
  /** The keys that all rows of the request share. */
  readonly perRequest: Readonly<Record<string, string>>;
}

/** The view's values by row; a view of entities that all rows share is read once. */
function viewReader(features: FeatureEngine, view: FeatureView, { keys, atMs, perRequest }: ViewQuestion): (row: number) => readonly unknown[] {
  const entities = view.entities.map((entity) => entity.name);
  const isShared = entities.every((entity) => entity in perRequest);
  const asked = isShared ? [perRequest] : keys;
  const rows = features.read({ view: view.name, keys: asked.map((key) => entities.map((entity) => key[entity]!)), atMs });
  return isShared ? () => rows[0]! : (row) => rows[row]!;
}

interface CandidateQuestion {
  readonly endpoint: Endpoint;
  readonly request: Readonly<Record<string, unknown>>;
  readonly requestKeys: Readonly<Record<string, string>>;
  readonly atMs: number;
}

function expandCandidates({ candidates: engine, similar }: FeatureRowSource, question: CandidateQuestion): Pick<FeatureRows, "keys" | "candidateFeatures" | "seedItems" | "similarItems"> {
  const { endpoint, request, requestKeys, atMs } = question;
  const { candidates } = endpoint;
  if (candidates === undefined) return { keys: [requestKeys], candidateFeatures: [], seedItems: [], similarItems: [] };
  const seedItems = endpoint.seedItems === undefined ? [] : ((request[endpoint.seedItems] ?? []) as readonly string[]); // the request's schema was checked; it may be optional
  let similarItems: readonly string[] = [];
  const found = engine.query(candidates.name, {
    user: requestKeys[candidates.user.name]!, seedItems, atMs, limit: candidates.limit,
    also: (offered, seeds) => {
      if (candidates.similar) similarItems = similar(candidates.similar, { seeds, exclude: new Set([...offered, ...seedItems]) });
      return similarItems;
    },
  });
  return {
    keys: found.map((candidate) => ({ ...requestKeys, [candidates.item.name]: candidate.item })),
    candidateFeatures: found.map((candidate) => candidate.features), seedItems, similarItems,
  };
}
