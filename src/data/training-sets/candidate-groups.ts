/** Answers of a candidate source as columns, as they come: 360,000 rows as objects would be 40 MB for the garbage collector. */
import { CANDIDATE_FEATURES } from "../../define/index.ts";
import type { Candidate } from "../candidates/candidate-index.ts";
import type { ReplayQuestion } from "./candidate-replay.ts";
import type { TextColumn } from "./training-set.ts";

export interface CandidateGroups {
  /** The question of each group. */
  readonly asked: readonly ReplayQuestion[];
  /** Rows of each group. */
  readonly sizes: Uint32Array;
  readonly groupOfRow: Int32Array;
  readonly items: TextColumn;
  /** Row-major, in the order of CANDIDATE_FEATURES. */
  readonly features: Float64Array;
}

const WIDTH = CANDIDATE_FEATURES.length;

export function createGroups() {
  const asked: ReplayQuestion[] = [];
  const sizes: number[] = [];
  const codes = new Map<string, number>();
  let rows = 0;
  let items = new Int32Array(1_024);
  let features = new Float64Array(items.length * WIDTH);

  const reserve = (length: number): void => {
    if (length <= items.length) return;
    const [oldItems, oldFeatures] = [items, features];
    items = new Int32Array(Math.max(length, items.length * 2));
    features = new Float64Array(items.length * WIDTH);
    items.set(oldItems);
    features.set(oldFeatures);
  };
  const encode = (item: string): number => {
    let code = codes.get(item);
    if (code === undefined) codes.set(item, code = codes.size);
    return code;
  };
  return {
    add: (question: ReplayQuestion, candidates: readonly Candidate[]): void => {
      reserve(rows + candidates.length);
      for (const candidate of candidates) {
        items[rows] = encode(candidate.item);
        features.set(candidate.features, rows++ * WIDTH);
      }
      asked.push(question);
      sizes.push(candidates.length);
    },
    finish: (): CandidateGroups => {
      const groupOfRow = new Int32Array(rows);
      let row = 0;
      for (const [group, size] of sizes.entries()) groupOfRow.fill(group, row, row += size);
      return {
        asked, sizes: Uint32Array.from(sizes), groupOfRow,
        items: { kind: "text", codes: items.slice(0, rows), dictionary: [...codes.keys()] }, features: features.slice(0, rows * WIDTH),
      };
    },
  };
}
