/**
 * What copies of requests showed about another version: a tally that processes add up, and the report made of it.
 * Per output: how often it was equal, by how much it differed, what did not fit at all, with examples.
 */
import { LogHistogram } from "../../observe/index.ts";
import type { LogHistogramState } from "../../observe/index.ts";
import type { OutputDifference } from "./output-difference.ts";

export interface ShadowExample {
  readonly id: string | null;
  readonly output: string;
  readonly kind: OutputDifference["kind"];
  readonly maximumAbsolute: number;
  /** The first elements of both answers, as text. */
  readonly stable: readonly string[];
  readonly shadow: readonly string[];
}

export interface OutputTally {
  readonly compared: number;
  readonly equal: number;
  readonly mismatches: Readonly<Record<"shape" | "datatype" | "missing" | "extra", number>>;
  readonly sumMeanAbsolute: number;
  readonly maximumAbsolute: number;
  /** Largest difference of each request. */
  readonly differences: LogHistogramState;
}

export interface ShadowTally {
  readonly model: string;
  readonly version: string;
  readonly copied: number;
  readonly equal: number;
  /** The copy failed although the original was answered. */
  readonly failed: number;
  /** Not sent, because too many copies waited. */
  readonly dropped: number;
  readonly outputs: Readonly<Record<string, OutputTally>>;
  readonly stableMs: LogHistogramState;
  readonly shadowMs: LogHistogramState;
  readonly examples: readonly ShadowExample[];
}

export const MAXIMUM_EXAMPLES = 10;
const NO_VALUES = new LogHistogram().state();

export function newTally(model: string, version: string): ShadowTally {
  return { model, version, copied: 0, equal: 0, failed: 0, dropped: 0, outputs: {}, stableMs: NO_VALUES, shadowMs: NO_VALUES, examples: [] };
}

export function mergeTallies(a: ShadowTally, b: ShadowTally): ShadowTally {
  const names = new Set([...Object.keys(a.outputs), ...Object.keys(b.outputs)]);
  return {
    model: a.model, version: a.version, copied: a.copied + b.copied, equal: a.equal + b.equal, failed: a.failed + b.failed, dropped: a.dropped + b.dropped,
    outputs: Object.fromEntries([...names].map((name) => [name, mergeOutputs(a.outputs[name], b.outputs[name])])),
    stableMs: mergeHistograms(a.stableMs, b.stableMs), shadowMs: mergeHistograms(a.shadowMs, b.shadowMs),
    examples: [...a.examples, ...b.examples].slice(0, MAXIMUM_EXAMPLES),
  };
}

function mergeOutputs(a: OutputTally | undefined, b: OutputTally | undefined): OutputTally {
  if (a === undefined || b === undefined) return (a ?? b)!; // the name came from one of them
  const { shape, datatype, missing, extra } = b.mismatches;
  return {
    compared: a.compared + b.compared, equal: a.equal + b.equal,
    mismatches: { shape: a.mismatches.shape + shape, datatype: a.mismatches.datatype + datatype, missing: a.mismatches.missing + missing, extra: a.mismatches.extra + extra },
    sumMeanAbsolute: a.sumMeanAbsolute + b.sumMeanAbsolute, maximumAbsolute: Math.max(a.maximumAbsolute, b.maximumAbsolute), differences: mergeHistograms(a.differences, b.differences),
  };
}

function mergeHistograms(a: LogHistogramState, b: LogHistogramState): LogHistogramState {
  const merged = LogHistogram.from(a);
  merged.merge(LogHistogram.from(b));
  return merged.state();
}

/** Counts comparisons in place; `tally` gives the plain form. */
export interface ShadowCounter {
  compared(differences: readonly OutputDifference[], times: { readonly stableMs: number; readonly shadowMs: number }): void;
  example(example: ShadowExample): void;
  readonly wantsExample: boolean;
  failed(): void;
  dropped(): void;
  tally(): ShadowTally;
}

export function createShadowCounter(model: string, version: string): ShadowCounter {
  const outputs = new Map<string, ReturnType<typeof outputCounter>>();
  const [stable, shadow] = [new LogHistogram(), new LogHistogram()];
  const examples: ShadowExample[] = [];
  const counts = { copied: 0, equal: 0, failed: 0, dropped: 0 };
  return {
    compared: (differences, { stableMs, shadowMs }) => {
      counts.copied++;
      if (differences.every(({ kind }) => kind === "equal")) counts.equal++;
      stable.record(stableMs);
      shadow.record(shadowMs);
      for (const difference of differences) {
        let counter = outputs.get(difference.output);
        if (counter === undefined) outputs.set(difference.output, counter = outputCounter());
        counter.add(difference);
      }
    },
    example: (example) => { if (examples.length < MAXIMUM_EXAMPLES) examples.push(example); },
    get wantsExample() { return examples.length < MAXIMUM_EXAMPLES; },
    failed: () => { counts.copied++; counts.failed++; },
    dropped: () => { counts.dropped++; },
    tally: () => ({
      model, version, ...counts, outputs: Object.fromEntries([...outputs].map(([name, counter]) => [name, counter.tally()])),
      stableMs: stable.state(), shadowMs: shadow.state(), examples: [...examples],
    }),
  };
}

function outputCounter() {
  const differences = new LogHistogram();
  const mismatches = { shape: 0, datatype: 0, missing: 0, extra: 0 };
  let [compared, equal, sumMeanAbsolute, maximumAbsolute] = [0, 0, 0, 0];
  return {
    add: (difference: OutputDifference): void => {
      compared++;
      if (difference.kind === "equal") equal++;
      if (difference.kind === "equal" || difference.kind === "different") {
        const finite = Math.min(difference.maximumAbsolute, Number.MAX_VALUE); // a number against NaN is as far as can be
        differences.record(finite);
        sumMeanAbsolute += Math.min(difference.meanAbsolute, Number.MAX_VALUE);
        maximumAbsolute = Math.max(maximumAbsolute, finite);
      } else mismatches[difference.kind]++;
    },
    tally: (): OutputTally => ({ compared, equal, mismatches: { ...mismatches }, sumMeanAbsolute, maximumAbsolute, differences: differences.state() }),
  };
}

export interface OutputReport {
  readonly output: string;
  readonly compared: number;
  /** Share of requests whose output was equal within the tolerance. */
  readonly equalShare: number;
  readonly meanAbsolute: number;
  readonly maximumAbsolute: number;
  /** Of each request's largest difference. */
  readonly quantiles: { readonly p50: number; readonly p90: number; readonly p99: number };
  readonly mismatches: OutputTally["mismatches"];
}

export interface ShadowReport {
  readonly model: string;
  readonly version: string;
  readonly copied: number;
  readonly equalShare: number;
  readonly failed: number;
  readonly dropped: number;
  readonly outputs: readonly OutputReport[];
  readonly latencyMs: { readonly stable: LatencyReport; readonly shadow: LatencyReport };
  readonly examples: readonly ShadowExample[];
}

export interface LatencyReport { readonly p50: number; readonly p99: number }

export function reportOf(tally: ShadowTally): ShadowReport {
  const { model, version, copied, equal, failed, dropped, outputs, stableMs, shadowMs, examples } = tally;
  return {
    model, version, copied, equalShare: share(equal, copied), failed, dropped, examples,
    outputs: Object.entries(outputs).map(([output, counts]) => outputReport(output, counts)),
    latencyMs: { stable: latencyReport(stableMs), shadow: latencyReport(shadowMs) },
  };
}

function outputReport(output: string, { compared, equal, mismatches, sumMeanAbsolute, maximumAbsolute, differences }: OutputTally): OutputReport {
  const histogram = LogHistogram.from(differences);
  const quantile = (q: number): number => histogram.quantile(q) ?? 0;
  return { output, compared, equalShare: share(equal, compared), meanAbsolute: share(sumMeanAbsolute, differences.count), maximumAbsolute, quantiles: { p50: quantile(0.5), p90: quantile(0.9), p99: quantile(0.99) }, mismatches };
}

function latencyReport(state: LogHistogramState): LatencyReport {
  const histogram = LogHistogram.from(state);
  return { p50: histogram.quantile(0.5) ?? 0, p99: histogram.quantile(0.99) ?? 0 };
}

function share(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}
