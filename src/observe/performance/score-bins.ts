/**
 * Scores of positives and negatives counted in narrow bins, for an area under the ROC curve in bounded memory
 * and in any order of arrival. A bin is what the sign, the exponent and ten bits of the mantissa leave of a score:
 * at most 0.1 % wide. Pairs within one bin count half, so the area is off by at most half the share of such pairs.
 */
const SUB_BIN_BITS = 10;

const float = new Float64Array(1);
const words = new Uint32Array(float.buffer);
const UPPER = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1 ? 1 : 0;

/** Bin → how many negatives and positives; a row of three numbers each, ascending by bin. */
export type ScoreBinsState = readonly (readonly [bin: number, negatives: number, positives: number])[];

export class ScoreBins {
  readonly #bins = new Map<number, { negatives: number; positives: number }>();

  constructor(state: ScoreBinsState = []) {
    this.merge(state);
  }

  /** `score` must not be NaN. */
  add(score: number, positive: boolean): void {
    const bin = this.#bin(binOf(score));
    if (positive) bin.positives++;
    else bin.negatives++;
  }

  merge(state: ScoreBinsState): void {
    for (const [place, negatives, positives] of state) {
      const bin = this.#bin(place);
      bin.negatives += negatives;
      bin.positives += positives;
    }
  }

  /** Chance that a positive scores above a negative; undefined without one of each. */
  areaUnderCurve(): number | undefined {
    let negatives = 0, positives = 0, wins = 0;
    for (const [, below, above] of this.state()) {
      wins += above * (negatives + below / 2);
      negatives += below;
      positives += above;
    }
    return negatives > 0 && positives > 0 ? wins / (negatives * positives) : undefined;
  }

  state(): ScoreBinsState {
    return [...this.#bins].map(([place, bin]) => [place, bin.negatives, bin.positives] as const).toSorted(([a], [b]) => a - b);
  }

  #bin(place: number): { negatives: number; positives: number } {
    const known = this.#bins.get(place);
    if (known !== undefined) return known;
    const created = { negatives: 0, positives: 0 };
    this.#bins.set(place, created);
    return created;
  }
}

/** Ascends with the score: the upper bits of a positive number, their negative for a negative one. */
function binOf(score: number): number {
  float[0] = Math.abs(score);
  const bits = words[UPPER]! >>> (20 - SUB_BIN_BITS);
  return score < 0 ? -bits : bits;
}
