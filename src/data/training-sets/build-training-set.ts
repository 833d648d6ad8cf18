/**
 * Builds a model's training set from a snapshot of the lake: examples, labels, point-in-time features, a split by
 * time. Every feature of an example uses only what was known at the example's time.
 */
import type { Application, FeatureColumn, Model } from "../../define/index.ts";
import { createVectorAssembler, learnCategories } from "../features/feature-vector.ts";
import type { EventColumn } from "../lake/event-columns.ts";
import type { Lake } from "../lake/lake.ts";
import type { LakeSnapshot } from "../lake/snapshot.ts";
import { replayMissingCandidates } from "./candidate-features.ts";
import { findCandidateExamples } from "./candidate-examples.ts";
import type { ExampleRows, FoundExamples } from "./example-rows.ts";
import { findEventExamples } from "./event-examples.ts";
import { createEventSource, fieldsForExamples, fieldsForFeatures, mergeFields } from "./event-source.ts";
import type { EventSource } from "./event-source.ts";
import { assembleVectors, joinViews } from "./feature-join.ts";
import type { JoinedViews, JoinRows } from "./feature-join.ts";
import { featureSourcesOf } from "./feature-sources.ts";
import { splitByTime } from "./time-split.ts";
import type { TrainingRows, TrainingSet, TrainingSetColumn } from "./training-set.ts";
import { createTurns } from "./turns.ts";
import type { Turns } from "./turns.ts";

export interface TrainingSetProgress {
  readonly stage: "examples" | "features" | "vectors";
  /** 0 to 1 over the whole build. */
  readonly share: number;
}

export interface TrainingSetOptions {
  /** Not needed: a model brings its sources along. Accepted from callers that hand their context on. */
  readonly application?: Application;
  readonly model: Model;
  readonly lake: Pick<Lake, "readEvents">;
  readonly snapshot: LakeSnapshot;
  /** Up to when outcomes were known: when the snapshot was taken. Examples whose label window ends later are left out. */
  readonly atMs: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: TrainingSetProgress) => void;
}

/** Texts a categorical column tells apart; rarer ones are missing. */
const MOST_CATEGORIES = 254;
/** Work between two turns of the event loop: rows of vectors, events of a replay. */
const WORK_PER_TURN = 1_000;

/** Without examples the set is empty; ABORTED when the signal fires. */
export async function buildTrainingSet(options: TrainingSetOptions): Promise<TrainingSet> {
  const { model, lake, snapshot, atMs, signal, onProgress = () => undefined } = options;
  const turns = createTurns(WORK_PER_TURN, signal);
  const sources = featureSourcesOf(model);
  const candidates = model.examples.kind === "each-candidate" ? [...sources.candidates, model.examples.candidates] : sources.candidates;
  const needed = mergeFields(fieldsForFeatures(sources.views.map(({ view }) => view), candidates), fieldsForExamples(model));
  const source = createEventSource({ lake, snapshot, needed, signal });

  const found = await findExamples(model, { source, atMs, turns, onShare: (share) => onProgress({ stage: "examples", share: 0.5 * share }) });
  const examples = await replayMissingCandidates(found.examples, sources.candidates, { source, turns });
  const rows = joinRowsOf(examples);
  const joined = await joinViews(sources.views, rows, {
    known: "time", events: source.events, turns,
    onView: (done, total) => onProgress({ stage: "features", share: 0.5 + 0.2 * (done / total) }),
  });
  const labelWindowMs = model.label.kind === "happens-within" ? model.label.windowMs : 0;
  const split = splitByTime(examples, { holdoutMs: model.holdoutMs, labelWindowMs });
  const categories = categoriesOf(model, joined, split.trainingRows);
  const assembler = createVectorAssembler(model, categories);
  const training = emptyRows(assembler.columns, categories, split.training);
  const validation = emptyRows(assembler.columns, categories, split.validation);
  await assembleVectors(assembler, rows, {
    joined, turns,
    put: (row, vector) => {
      if (row < split.trainingRows) writeRow(training, row, vector);
      else if (row >= split.validationFrom) writeRow(validation, row - split.validationFrom, vector);
      if (row % WORK_PER_TURN === 0) onProgress({ stage: "vectors", share: 0.7 + 0.3 * (row / rows.rows) });
    },
  });
  onProgress({ stage: "vectors", share: 1 });
  return {
    model: model.name, snapshot: snapshot.id, atMs, training, validation, categories,
    dropped: { ...found.dropped, ...(split.overlapping > 0 ? { "label-window-held-out": split.overlapping } : {}) },
  };
}

interface FindOptions {
  readonly source: EventSource;
  readonly atMs: number;
  readonly turns: Turns;
  readonly onShare: (share: number) => void;
}

function findExamples({ examples, label }: Model, { source, atMs, turns, onShare }: FindOptions): Promise<FoundExamples> {
  return examples.kind === "each-event" ? findEventExamples(examples, label, { source, atMs })
    : findCandidateExamples(examples, label, { source, atMs, turns, onProgress: (done, total) => onShare(done / total) });
}

/** What was known at an example's time, whatever the stream. */
function joinRowsOf({ rows, keys, timesMs, candidateFeatures }: ExampleRows): JoinRows {
  return { rows, keys, timesMs, candidateFeatures, knownLimits: () => timesMs };
}

/** Learned from the training rows alone. */
function categoriesOf(model: Model, joined: JoinedViews, trainingRows: number): Readonly<Record<string, readonly string[]>> {
  const textColumns = createVectorAssembler(model).columns.filter(({ type }) => type === "category");
  return Object.fromEntries(textColumns.map(({ name, source, feature }) => [name, learnCategories(textsOf(joined.get(source)?.columns[feature], trainingRows), MOST_CATEGORIES)]));
}

function* textsOf(column: EventColumn | undefined, rows: number): Generator<string | null> {
  if (column?.kind !== "text") return;
  for (let row = 0; row < rows; row++) yield column.dictionary[column.codes[row]!] ?? null;
}

function emptyRows(columns: readonly FeatureColumn[], categories: TrainingSet["categories"], { rows, label, groups, totalRelevant, timesMs, keys }: ExampleRows): TrainingRows {
  return {
    rows, label, timesMs, keys,
    columns: columns.map(({ name, type }): TrainingSetColumn => ({
      name, kind: type === "category" ? "categorical" : "numeric", values: new Float64Array(rows), ...(type === "category" ? { categories: categories[name] ?? [] } : {}),
    })),
    ...(groups ? { groups } : {}), ...(totalRelevant ? { totalRelevant } : {}),
  };
}

function writeRow({ columns }: TrainingRows, row: number, vector: Float64Array): void {
  for (let column = 0; column < columns.length; column++) columns[column]!.values[row] = vector[column]!;
}
