/**
 * The counts of one performance window (one model, version, variant and stretch of time) and the metrics that
 * follow from them. Every metric comes from sums and bins, so rows may arrive in any order and are not kept.
 */
import { aucInterval, meanInterval, wilsonInterval } from "./intervals.ts";
import type { Interval } from "./intervals.ts";
import type { JoinedRow } from "./outcome-joiner.ts";
import { ScoreBins } from "./score-bins.ts";
import type { ScoreBinsState } from "./score-bins.ts";

const CALIBRATION_BINS = 10;
/** Keeps a certain and wrong prediction from making the log loss infinite. */
const SMALLEST_PROBABILITY = 1e-15;

export interface CalibrationBin {
  readonly rows: number;
  readonly meanScore: number;
  readonly rate: number;
}

/** A metric is null where it is not defined: no rows, one class only, or scores that are not probabilities. */
export interface PerformanceWindow {
  readonly model: string;
  readonly version: number;
  readonly variant: string;
  readonly startMs: number;
  readonly predictions: number;
  readonly labelled: number;
  /** Share of the window's predictions that have their label. */
  readonly completeness: number;
  /** Share of labels above zero. */
  readonly rate: number | null;
  /** Wilson's interval. */
  readonly rateInterval: Interval | null;
  readonly meanReward: number | null;
  readonly meanRewardInterval: Interval | null;
  readonly auc: number | null;
  /** Hanley & McNeil 1982. */
  readonly aucInterval: Interval | null;
  readonly logLoss: number | null;
  /** Mean distance between score and rate over ten bins of equal width, weighted by rows. */
  readonly calibrationError: number | null;
  readonly calibration: readonly CalibrationBin[] | null;
  /** Mean time from prediction to reported outcome. */
  readonly meanDelayMs: number | null;
}

export interface WindowKey {
  readonly model: string;
  readonly version: number;
  readonly variant: string;
  readonly startMs: number;
}

/** Plain JSON, for checkpoints and merging. */
export interface PerformanceWindowState extends WindowKey {
  readonly predictions: number;
  readonly labelled: number;
  readonly positives: number;
  readonly rewardSum: number;
  readonly rewardSquares: number;
  readonly logLossSum: number;
  /** Whether every score so far was within [0, 1]. */
  readonly probabilities: boolean;
  readonly outcomes: number;
  readonly delaySumMs: number;
  /** Rows, sum of scores and positives per bin. */
  readonly calibration: readonly (readonly [rows: number, scoreSum: number, positives: number])[];
  readonly scores: ScoreBinsState;
}

export class WindowTally {
  readonly key: WindowKey;
  predictions = 0;
  #labelled = 0;
  #positives = 0;
  #rewardSum = 0;
  #rewardSquares = 0;
  #logLossSum = 0;
  #probabilities = true;
  #outcomes = 0;
  #delaySumMs = 0;
  readonly #calibration: [number, number, number][];
  readonly #scores: ScoreBins;

  constructor({ model, version, variant, startMs }: WindowKey, state?: PerformanceWindowState) {
    this.key = { model, version, variant, startMs };
    this.#scores = new ScoreBins(state?.scores);
    this.#calibration = Array.from({ length: CALIBRATION_BINS }, (_, bin) => [...(state?.calibration[bin] ?? ([0, 0, 0] as const))]);
    if (!state) return;
    this.predictions = state.predictions;
    this.#labelled = state.labelled;
    this.#positives = state.positives;
    this.#rewardSum = state.rewardSum;
    this.#rewardSquares = state.rewardSquares;
    this.#logLossSum = state.logLossSum;
    this.#probabilities = state.probabilities;
    this.#outcomes = state.outcomes;
    this.#delaySumMs = state.delaySumMs;
  }

  add(row: JoinedRow): void {
    const positive = row.value > 0;
    this.#labelled++;
    this.#positives += Number(positive);
    this.#rewardSum += row.value;
    this.#rewardSquares += row.value * row.value;
    this.#scores.add(row.score, positive);
    if (row.source === "outcome") {
      this.#outcomes++;
      this.#delaySumMs += row.delayMs;
    }
    if (row.score >= 0 && row.score <= 1) this.#addProbability(row.score, positive);
    else this.#probabilities = false;
  }

  #addProbability(score: number, positive: boolean): void {
    const chance = positive ? score : 1 - score;
    this.#logLossSum -= Math.log(Math.max(chance, SMALLEST_PROBABILITY));
    const bin = this.#calibration[Math.min(CALIBRATION_BINS - 1, Math.floor(score * CALIBRATION_BINS))]!;
    bin[0]++;
    bin[1] += score;
    bin[2] += Number(positive);
  }

  report(z: number): PerformanceWindow {
    const labelled = this.#labelled;
    const auc = this.#scores.areaUnderCurve() ?? null;
    const probabilities = labelled > 0 && this.#probabilities;
    return {
      ...this.key, predictions: this.predictions, labelled,
      completeness: this.predictions > 0 ? Math.min(1, labelled / this.predictions) : 0,
      rate: labelled > 0 ? this.#positives / labelled : null,
      rateInterval: labelled > 0 ? wilsonInterval(this.#positives, labelled, z) : null,
      meanReward: labelled > 0 ? this.#rewardSum / labelled : null,
      meanRewardInterval: labelled > 1 ? meanInterval({ n: labelled, sum: this.#rewardSum, sumSquares: this.#rewardSquares }, z) : null,
      auc, aucInterval: auc === null ? null : aucInterval(auc, this.#positives, labelled - this.#positives, z),
      logLoss: probabilities ? this.#logLossSum / labelled : null,
      calibrationError: probabilities ? this.#calibrationError() : null,
      calibration: probabilities ? this.#calibrationBins() : null,
      meanDelayMs: this.#outcomes > 0 ? this.#delaySumMs / this.#outcomes : null,
    };
  }

  state(): PerformanceWindowState {
    return {
      ...this.key, predictions: this.predictions, labelled: this.#labelled, positives: this.#positives,
      rewardSum: this.#rewardSum, rewardSquares: this.#rewardSquares, logLossSum: this.#logLossSum,
      probabilities: this.#probabilities, outcomes: this.#outcomes, delaySumMs: this.#delaySumMs,
      calibration: this.#calibration.map((bin) => [...bin] as const), scores: this.#scores.state(),
    };
  }

  #calibrationBins(): CalibrationBin[] {
    return this.#calibration.filter(([rows]) => rows > 0)
      .map(([rows, scoreSum, positives]) => ({ rows, meanScore: scoreSum / rows, rate: positives / rows }));
  }

  #calibrationError(): number {
    return this.#calibrationBins().reduce((sum, bin) => sum + (bin.rows / this.#labelled) * Math.abs(bin.meanScore - bin.rate), 0);
  }
}
