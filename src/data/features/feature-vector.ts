/**
 * Lays a model's input vector out of its sources' values. Serving and training call the same assembler, so a column
 * cannot be encoded in two ways: missing is NaN, truths are 1 and 0, text is its number among the categories that
 * training learned, and on-demand features run the definition's own function.
 */
import { CANDIDATE_FEATURES, columnNames, featureColumns } from "../../define/index.ts";
import type { Candidates, FeatureColumn, FeatureProvider, FeatureView, Model, OnDemand } from "../../define/index.ts";
import { reasonOf } from "../../kernel/errors.ts";

/**
 * The values of each source by its name: a feature view's in the order of its features, a candidate's in the order of
 * CANDIDATE_FEATURES. A source that is absent, as when its read missed a deadline, is all missing.
 */
export type SourceValues = ReadonlyMap<string, readonly unknown[]>;

/** The texts of each category column, by the column's name, in the order of their codes. */
export type Categories = Readonly<Record<string, readonly string[]>>;

export interface VectorAssembler {
  /** The model's columns; a vector has one number for each. */
  readonly columns: readonly FeatureColumn[];
  /** The views to read, those that only on-demand features need included. */
  readonly views: readonly FeatureView[];
  readonly candidates: readonly Candidates[];
  /** Writes the vector to `out[at]` and following. Never throws for what a definition's function does. */
  assemble(sources: SourceValues, nowMs: number, out: Float64Array, at: number): void;
  /** Times each on-demand source threw or gave something else than numbers and null, by its name. */
  readonly failures: ReadonlyMap<string, number>;
}

export interface AssemblerOptions {
  /** Told of the first failure of each on-demand source. */
  readonly onFailure?: (source: string, reason: string) => void;
}

/** Writes the columns of one provider; returns the place after them. */
type Writer = (sources: SourceValues, nowMs: number, out: Float64Array, at: number) => void;

export function createVectorAssembler(model: Pick<Model, "features">, categories: Categories = {}, options: AssemblerOptions = {}): VectorAssembler {
  const columns = featureColumns(model);
  const failures = new Map<string, number>();
  const fail = (source: string, reason: string): void => {
    const times = (failures.get(source) ?? 0) + 1;
    failures.set(source, times);
    if (times === 1) options.onFailure?.(source, reason);
  };
  const writers = model.features.map((provider) => (provider.kind === "on-demand" ? onDemandWriter(provider, fail) : sourceWriter(provider, categories)));
  const widths = model.features.map((provider) => featureColumns({ features: [provider] }).length);
  const sources = sourcesOf(model.features);
  return {
    columns, failures,
    views: sources.filter((source) => source.kind === "feature-view"),
    candidates: sources.filter((source) => source.kind === "candidates"),
    assemble: (values, nowMs, out, at) => {
      let place = at;
      for (let index = 0; index < writers.length; index++) {
        writers[index]!(values, nowMs, out, place);
        place += widths[index]!;
      }
    },
  };
}

type Source = FeatureView | Candidates;

/** The sources that hold values, each once, in first-seen order. */
function sourcesOf(providers: readonly FeatureProvider[]): readonly Source[] {
  const byName = new Map<string, Source>();
  for (const source of providers.flatMap((provider) => (provider.kind === "on-demand" ? provider.from : [provider]))) {
    if (!byName.has(source.name)) byName.set(source.name, source);
  }
  return [...byName.values()];
}

const namesOf = (source: Source): readonly string[] => (source.kind === "candidates" ? CANDIDATE_FEATURES : Object.keys(source.features));

const NO_VALUES: readonly unknown[] = [];

function sourceWriter(source: Source, categories: Categories): Writer {
  const names = namesOf(source);
  const cells = source.selected.flatMap((feature) => {
    const columns = source.kind === "feature-view" ? columnNames(feature, source.features[feature]!) : [feature];
    return columns.map((column, place) => ({ feature: names.indexOf(feature), place, codes: codesOf(categories[`${source.name}.${column}`] ?? []) }));
  });
  return (sources, _, out, at) => {
    const values = sources.get(source.name) ?? NO_VALUES;
    for (let column = 0; column < cells.length; column++) {
      const { feature, place, codes } = cells[column]!;
      const value = values[feature];
      out[at + column] = toNumber(Array.isArray(value) ? value[place] : value, codes);
    }
  };
}

const codesOf = (categories: readonly string[]): ReadonlyMap<string, number> => new Map(categories.map((text, code) => [text, code]));

function toNumber(value: unknown, codes: ReadonlyMap<string, number>): number {
  switch (typeof value) {
    case "number": return value;
    case "boolean": return value ? 1 : 0;
    case "string": return codes.get(value) ?? Number.NaN;
    default: return Number.NaN;
  }
}

/** The input is made anew for every call: a function that changes its input harms nobody but itself. */
function onDemandWriter(onDemand: OnDemand, fail: (source: string, reason: string) => void): Writer {
  const sources = onDemand.from.map((source) => ({ name: source.name, names: namesOf(source) }));
  const { selected, name } = onDemand;
  return (values, nowMs, out, at) => {
    out.fill(Number.NaN, at, at + selected.length);
    try {
      const input: Record<string, unknown> = {};
      for (const source of sources) input[source.name] = toRecord(source.names, values.get(source.name) ?? NO_VALUES);
      input["nowMs"] = nowMs;
      const result = onDemand.compute(input);
      for (let column = 0; column < selected.length; column++) {
        const value: unknown = result[selected[column]!];
        if (typeof value === "number" && Number.isFinite(value)) out[at + column] = value;
        else if (value !== null) fail(name, `output "${selected[column]}" is ${describe(value)}, not a finite number or null`);
      }
    } catch (thrown) {
      fail(name, reasonOf(thrown));
    }
  };
}

function toRecord(names: readonly string[], values: readonly unknown[]): Record<string, unknown> {
  const record: Record<string, unknown> = {};
  for (let index = 0; index < names.length; index++) record[names[index]!] = missingAsNull(values[index]);
  return record;
}

/** Candidate features use NaN for missing; definitions see null. */
function missingAsNull(value: unknown): unknown {
  return value === undefined || (typeof value === "number" && Number.isNaN(value)) ? null : value;
}

function describe(value: unknown): string {
  return typeof value === "number" ? String(value) : typeof value;
}

/** The texts of a category column by falling frequency, then by text; the rarest beyond the limit count as missing. */
export function learnCategories(values: Iterable<string | null>, limit = 1_000): readonly string[] {
  const counts = new Map<string, number>();
  for (const value of values) if (value !== null) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].toSorted(([a, times], [b, others]) => others - times || (a < b ? -1 : 1)).slice(0, limit).map(([text]) => text);
}
