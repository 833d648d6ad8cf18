/** What a feature reads from the tally of its window: most frequent values, quantiles, interval counts, an estimate. */
import type { Scalar } from "../../define/index.ts";
import type { Dictionary } from "./dictionary.ts";
import { RANK_SHIFT, REGISTERS, createRankCounts, estimateDistinct } from "./distinct-sketch.ts";
import { numberOfBucket } from "./quantile-buckets.ts";
import { sortedCodes, timesOf } from "./tallies.ts";
import type { TallyTable } from "./tallies.ts";
import type { SlotOutput } from "./window-plan.ts";

/** Writes the feature's numbers to `out[output.at]` and following, which hold NaN. */
export type TallyReader = (table: TallyTable, dictionary: Dictionary, out: Float64Array) => void;

export function createTallyReader(output: SlotOutput, isText: boolean): TallyReader {
  const { node, at, width } = output;
  switch (node.aggregation) {
    case "topK": return createTopReader(output, isText);
    case "histogram": return (table, _, out) => {
      for (let bucket = 0; bucket < width; bucket++) out[at + bucket] = timesOf(table, bucket);
    };
    case "approximateDistinct": return createEstimateReader(at);
    default: return createQuantileReader(output);
  }
}

/** The better of two codes: the more frequent, of equally frequent ones the one with the smaller value. */
function comesBefore(table: TallyTable, { values }: Dictionary, a: number, b: number): boolean {
  const difference = table.counts[a]! - table.counts[b]!;
  return difference !== 0 ? difference > 0 : isSmaller(values[a]!, values[b]!);
}

/** Scalars of one type; texts by UTF-16 code unit. */
const isSmaller = (a: Scalar, b: Scalar): boolean => a < b;

/** Keeps the best k of all codes in order: k is small, so insertion is fast. */
function createTopReader({ at, width }: SlotOutput, isText: boolean): TallyReader {
  const best = new Int32Array(width);
  return (table, dictionary, out) => {
    let found = 0;
    for (let index = 0; index < table.size; index++) {
      const code = table.touched[index]!;
      if (found === width && !comesBefore(table, dictionary, code, best[width - 1]!)) continue;
      let place = found < width ? found++ : width - 1;
      for (; place > 0 && comesBefore(table, dictionary, code, best[place - 1]!); place--) best[place] = best[place - 1]!;
      best[place] = code;
    }
    for (let place = 0; place < found; place++) out[at + place] = isText ? best[place]! : Number(dictionary.values[best[place]!]!);
  };
}

/** Of n values in order the one at floor(share × (n - 1)). */
function createQuantileReader({ node, at }: SlotOutput): TallyReader {
  const shares = node.quantiles!.map((share, place) => ({ share, place })).toSorted((a, b) => a.share - b.share);
  return (table, _, out) => {
    if (table.size === 0) return;
    const codes = sortedCodes(table);
    let total = 0;
    for (let index = 0; index < codes.length; index++) total += table.counts[codes[index]!]!;
    let index = 0;
    let below = table.counts[codes[0]!]!;
    for (const { share, place } of shares) {
      const rank = Math.floor(share * (total - 1));
      while (below <= rank) below += table.counts[codes[++index]!]!;
      out[at + place] = numberOfBucket(codes[index]!);
    }
  };
}

function createEstimateReader(at: number): TallyReader {
  const registers = new Uint8Array(REGISTERS);
  const ranks = createRankCounts();
  const mask = (1 << RANK_SHIFT) - 1;
  return (table, _, out) => {
    registers.fill(0);
    ranks.fill(0);
    ranks[0] = REGISTERS;
    for (let index = 0; index < table.size; index++) {
      const offer = table.touched[index]!;
      const register = offer >> RANK_SHIFT;
      const rank = offer & mask;
      const before = registers[register]!;
      if (rank <= before) continue;
      ranks[before]!--;
      ranks[rank]!++;
      registers[register] = rank;
    }
    out[at] = estimateDistinct(ranks);
  };
}
