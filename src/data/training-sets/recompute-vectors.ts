/**
 * Feature vectors of past answers, computed again from the lake as of the exact offsets that the answers had seen:
 * what the online = offline audit compares with the vectors that were served.
 */
import { CANDIDATE_FEATURES } from "../../define/index.ts";
import type { Candidates, Model } from "../../define/index.ts";
import { createCandidateIndex } from "../candidates/candidate-index.ts";
import type { CandidateIndex, CandidateQuery } from "../candidates/candidate-index.ts";
import { createInteractionReaders } from "../candidates/interaction-reader.ts";
import { createVectorAssembler } from "../features/feature-vector.ts";
import type { Categories } from "../features/feature-vector.ts";
import type { EventColumns } from "../lake/event-columns.ts";
import type { Lake } from "../lake/lake.ts";
import { streamOf } from "../lake/snapshot.ts";
import type { LakeSnapshot } from "../lake/snapshot.ts";
import { createEventSource, fieldsForFeatures } from "./event-source.ts";
import { assembleVectors, joinViews } from "./feature-join.ts";
import type { JoinRows } from "./feature-join.ts";
import { featureSourcesOf } from "./feature-sources.ts";
import { encodeTexts } from "./key-columns.ts";
import { createTurns } from "./turns.ts";
import type { Turns } from "./turns.ts";

type Offsets = Readonly<Record<string, number>>;

/** One past answer. */
export interface VectorRequest {
  /** Entity keys of the rows to compute again, by entity name. */
  readonly keys: readonly Readonly<Record<string, string>>[];
  readonly atMs: number;
  /** Next offset of each stream when the answer's features were read. */
  readonly offsets: Offsets;
  /** The candidate source that the answer came from, if any: its name (default: whichever the model knows) and its offsets. */
  readonly candidates?: string | undefined;
  readonly candidateOffsets?: Offsets | undefined;
  readonly seedItems?: readonly string[] | undefined;
  /** Items of the answer that the candidate source had not offered. */
  readonly similarItems?: readonly string[] | undefined;
}

export interface RecomputeOptions {
  readonly model: Pick<Model, "features">;
  readonly lake: Pick<Lake, "readEvents">;
  /** Must hold every event that the answers had seen: flush the lake before. */
  readonly snapshot: LakeSnapshot;
  /** The texts of each category column, of the version that answered. */
  readonly categories: Categories;
  readonly requests: readonly VectorRequest[];
  readonly signal?: AbortSignal;
}

const WORK_PER_TURN = 1_000;
const QUESTION_WORK = 32; // as candidate-replay.ts

/**
 * One array per request, rows × columns, row-major, in the order of `keys`; undefined for an answer that had seen
 * events which are not in the snapshot.
 */
export async function recomputeVectors(options: RecomputeOptions): Promise<readonly (Float64Array | undefined)[]> {
  const { model, lake, snapshot, categories, requests, signal } = options;
  const turns = createTurns(WORK_PER_TURN, signal);
  const sources = featureSourcesOf(model);
  const source = createEventSource({ lake, snapshot, needed: fieldsForFeatures(sources.views.map(({ view }) => view), sources.candidates), signal });
  const answerable = requests.filter((request) => isIn(snapshot, request));
  const entities = new Set([...sources.views.flatMap(({ view }) => view.entities), ...sources.candidates.flatMap((candidates) => candidates.entities)].map(({ name }) => name));
  const candidateFeatures: Record<string, Float64Array> = {};
  for (const candidates of sources.candidates) candidateFeatures[candidates.name] = await answerAgain(candidates, answerable, { events: await source.eventsOf(candidates), turns });
  const rows = joinRowsOf(answerable, entities, candidateFeatures);
  const joined = await joinViews(sources.views, rows, { known: "offset", events: source.events, turns, onView: () => undefined });
  const assembler = createVectorAssembler(model, categories);
  const width = assembler.columns.length;
  const vectors = new Float64Array(rows.rows * width);
  await assembleVectors(assembler, rows, { joined, turns, put: (row, vector) => vectors.set(vector, row * width) });
  let at = 0;
  const byRequest = new Map(answerable.map((request) => [request, vectors.slice(at, at += request.keys.length * width)]));
  return requests.map((request) => byRequest.get(request));
}

function isIn(snapshot: LakeSnapshot, { offsets, candidateOffsets = {} }: VectorRequest): boolean {
  return [...Object.entries(offsets), ...Object.entries(candidateOffsets)].every(([stream, offset]) => offset <= streamOf(snapshot, stream).endOffset);
}

function joinRowsOf(requests: readonly VectorRequest[], entities: Iterable<string>, candidateFeatures: Readonly<Record<string, Float64Array>>): JoinRows {
  const keys = requests.flatMap((request) => request.keys);
  const perRow = (valueOf: (request: VectorRequest) => number): Float64Array => Float64Array.from(requests.flatMap((request) => request.keys.map(() => valueOf(request))));
  return {
    rows: keys.length, candidateFeatures,
    keys: Object.fromEntries([...entities].map((entity) => [entity, encodeTexts(keys.map((key) => key[entity]))])),
    timesMs: perRow(({ atMs }) => atMs),
    knownLimits: (stream) => perRow(({ offsets }) => (offsets[stream] ?? 0) - 1), // the next offset was not seen yet
  };
}

interface ReplaySource {
  readonly events: ReadonlyMap<string, EventColumns>;
  readonly turns: Turns;
}

/** The candidate features of every row of the requests, in order; NaN for rows that are no candidates. */
async function answerAgain(candidates: Candidates, requests: readonly VectorRequest[], source: ReplaySource): Promise<Float64Array> {
  const starts = new Map<VectorRequest, number>();
  let rows = 0;
  for (const request of requests) {
    starts.set(request, rows);
    rows += request.keys.length;
  }
  const features = new Float64Array(rows * CANDIDATE_FEATURES.length).fill(Number.NaN);
  const asked = requests.filter((request) => request.candidateOffsets !== undefined && (request.candidates ?? candidates.name) === candidates.name);
  let waiting: readonly VectorRequest[] = asked.toSorted((a, b) => totalOf(a) - totalOf(b));
  while (waiting.length > 0) waiting = await replayOnce(candidates, waiting, { ...source, answer: (request, index) => writeFeatures(candidates, { request, index, features, row: starts.get(request)! }) });
  return features;
}

function totalOf({ candidateOffsets = {} }: VectorRequest): number {
  return Object.values(candidateOffsets).reduce((sum, offset) => sum + offset, 0);
}

interface ReplayPass extends ReplaySource {
  readonly answer: (request: VectorRequest, index: CandidateIndex) => void;
}

/**
 * Replays once, stopping at each request's offsets; returns the requests whose offsets had been passed in one stream
 * already, which happens only where several servers answered.
 */
async function replayOnce(candidates: Candidates, requests: readonly VectorRequest[], { events, turns, answer }: ReplayPass): Promise<readonly VectorRequest[]> {
  const index = createCandidateIndex(candidates);
  const streams = [...createInteractionReaders(candidates)].map(([stream, reader]) => ({ stream, offsets: events.get(stream)!.offsets, visit: reader.overColumns(events.get(stream)!), next: 0 }));
  const passed: VectorRequest[] = [];
  for (const request of requests) {
    const isPassed = streams.some(({ stream, offsets, next }) => next > 0 && offsets[next - 1]! >= (request.candidateOffsets?.[stream] ?? 0));
    if (isPassed) {
      passed.push(request);
      continue;
    }
    for (const stream of streams) {
      const end = request.candidateOffsets?.[stream.stream] ?? 0;
      for (; stream.next < stream.offsets.length && stream.offsets[stream.next]! < end; stream.next++) {
        stream.visit(stream.next, index.apply);
        const turn = turns.spend(1);
        if (turn) await turn;
      }
    }
    answer(request, index);
    await turns.spend(QUESTION_WORK);
  }
  return passed;
}

interface FeatureTarget {
  readonly request: VectorRequest;
  readonly index: CandidateIndex;
  readonly features: Float64Array;
  /** The request's first row. */
  readonly row: number;
}

/** All rows of one answer have the same user, so one question answers them. */
function writeFeatures({ user, item }: Candidates, { request, index, features, row }: FeatureTarget): void {
  const [first] = request.keys;
  if (first?.[user.name] === undefined) return;
  const query: CandidateQuery = { user: first[user.name]!, seedItems: request.seedItems ?? [], atMs: request.atMs, also: () => request.similarItems ?? [] };
  const found = new Map(index.query(query).map((candidate) => [candidate.item, candidate.features]));
  request.keys.forEach((key, position) => features.set(found.get(key[item.name]!) ?? [], (row + position) * CANDIDATE_FEATURES.length));
}
