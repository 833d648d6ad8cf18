/**
 * Joins predictions with the outcomes that follow them, by decision id (and item, where one decision ranks
 * several). Outcomes may come late, early, twice or never:
 *  - an outcome that arrives before its prediction waits for it; duplicates of either change nothing;
 *  - a prediction without an outcome is closed when its label window (and the allowed lateness) has passed:
 *    as a negative, which is what implicit feedback means, or unlabelled.
 * Time is what the caller says it is: event times on the inputs, and a watermark moved by `advance`.
 * Memory is bounded by `maximumPending`; what must give way is counted and never turned into a label.
 */
import { StrataError } from "../../kernel/errors.ts";
import { ExpiryQueue } from "./expiry-queue.ts";

export interface Prediction {
  readonly decisionId: string;
  /** Which of a decision's several scored items this is. */
  readonly item?: string;
  readonly timeMs: number;
  readonly model: string;
  readonly version: number;
  /** e.g. "champion", "canary", "shadow". */
  readonly variant: string;
  readonly score: number;
}

export interface Outcome {
  readonly decisionId: string;
  readonly item?: string;
  readonly timeMs: number;
  /** The label or reward: 1 and 0 for a class, any number for a reward. */
  readonly value: number;
}

export interface JoinedRow extends Prediction {
  readonly value: number;
  /** `outcome`: it was reported. `absence`: the label window passed without one. */
  readonly source: "outcome" | "absence";
  /** Time from prediction to outcome; the label window for an absence. */
  readonly delayMs: number;
}

export interface JoinStep {
  /** Whether the input was new and in time; a refused one has been counted. */
  readonly accepted: boolean;
  readonly rows: readonly JoinedRow[];
}

export interface OutcomeJoinerOptions {
  /** How long after a prediction an outcome still counts as its label. */
  readonly windowMs: number;
  /** How much later than its event time an outcome may arrive; 0 unless given. Delays the closing of predictions. */
  readonly latenessMs?: number;
  /** Keys held at most: open predictions, waiting outcomes and recent answers. */
  readonly maximumPending: number;
  /** What a prediction without an outcome becomes; "negative" unless given. */
  readonly absence?: "negative" | "unlabelled";
}

export interface JoinCounts {
  readonly predictions: number;
  readonly joined: number;
  readonly absences: number;
  /** Closed without a label, under absence: "unlabelled". */
  readonly unlabelled: number;
  readonly duplicates: number;
  /** Predictions that arrived after their window had closed. */
  readonly latePredictions: number;
  /** Outcomes of a time after their prediction's window. */
  readonly lateOutcomes: number;
  /** Outcomes whose prediction never came, or had been closed, or that found too many waiting. */
  readonly orphanOutcomes: number;
  /** Predictions given up because `maximumPending` was reached: raise it when this grows. */
  readonly evicted: number;
}

/** Everything the joiner knows, as plain JSON. */
export interface JoinerState {
  readonly watermarkMs: number | null;
  readonly entries: readonly (readonly [key: string, entry: JoinEntry])[];
  readonly counts: JoinCounts;
}

export type JoinEntry =
  | { readonly kind: "open"; readonly expiresMs: number; readonly prediction: Prediction }
  | { readonly kind: "waiting"; readonly expiresMs: number; readonly outcome: Outcome }
  | { readonly kind: "answered"; readonly expiresMs: number };

export interface OutcomeJoiner {
  addPrediction(prediction: Prediction): JoinStep;
  addOutcome(outcome: Outcome): JoinStep;
  /** No input older than this is expected any more (less the lateness): closes what has expired, oldest first. */
  advance(timeMs: number): readonly JoinedRow[];
  counts(): JoinCounts;
  /** Keys held now. */
  pending(): number;
  state(): JoinerState;
}

const NO_COUNTS: JoinCounts = {
  predictions: 0, joined: 0, absences: 0, unlabelled: 0, duplicates: 0, latePredictions: 0, lateOutcomes: 0, orphanOutcomes: 0, evicted: 0,
};

/** A joiner that starts empty, or goes on from a saved state. */
export function createOutcomeJoiner(options: OutcomeJoinerOptions, saved?: JoinerState): OutcomeJoiner {
  return new Joiner(options, saved);
}

class Joiner implements OutcomeJoiner {
  readonly #options: Required<OutcomeJoinerOptions>;
  readonly #entries: Map<string, JoinEntry>;
  readonly #expiries = new ExpiryQueue();
  #watermarkMs: number;
  /** Outcomes that wait for a prediction: at most half of what is held, since their ids come from outside. */
  #waiting: number;
  readonly #counts: { -readonly [K in keyof JoinCounts]: number };

  constructor(options: OutcomeJoinerOptions, saved?: JoinerState) {
    this.#options = { latenessMs: 0, absence: "negative", ...options };
    this.#entries = new Map(saved?.entries);
    this.#watermarkMs = saved?.watermarkMs ?? Number.NEGATIVE_INFINITY;
    this.#counts = { ...NO_COUNTS, ...saved?.counts };
    this.#waiting = [...this.#entries.values()].filter(({ kind }) => kind === "waiting").length;
    this.#queueAll();
  }

  addPrediction(prediction: Prediction): JoinStep {
    requireFinite("The prediction", prediction.decisionId, [prediction.timeMs, prediction.score]);
    const key = keyOf(prediction);
    const known = this.#entries.get(key);
    const expiresMs = this.#expiryOf(prediction.timeMs);
    if (known?.kind === "open" || known?.kind === "answered") return this.#refuse("duplicates");
    if (expiresMs <= this.#watermarkMs) return this.#refuse("latePredictions");
    this.#counts.predictions++;
    if (known?.kind === "waiting" && this.#inWindow(prediction, known.outcome)) return this.#answer(key, prediction, known.outcome);
    if (known?.kind === "waiting") this.#counts.lateOutcomes++;
    this.#put(key, { kind: "open", expiresMs, prediction });
    return { accepted: true, rows: [] };
  }

  addOutcome(outcome: Outcome): JoinStep {
    requireFinite("The outcome", outcome.decisionId, [outcome.timeMs, outcome.value]);
    const key = keyOf(outcome);
    const known = this.#entries.get(key);
    if (known?.kind === "waiting" || known?.kind === "answered") return this.#refuse("duplicates");
    if (known?.kind === "open") {
      return this.#inWindow(known.prediction, outcome) ? this.#answer(key, known.prediction, outcome) : this.#refuse("lateOutcomes");
    }
    const expiresMs = this.#expiryOf(outcome.timeMs);
    if (expiresMs <= this.#watermarkMs || this.#waiting >= this.#options.maximumPending / 2) return this.#refuse("orphanOutcomes");
    this.#put(key, { kind: "waiting", expiresMs, outcome });
    return { accepted: true, rows: [] };
  }

  advance(timeMs: number): readonly JoinedRow[] {
    if (timeMs > this.#watermarkMs) this.#watermarkMs = timeMs;
    const rows: JoinedRow[] = [];
    for (let next = this.#expiries.peek(); next && next.timeMs <= this.#watermarkMs; next = this.#expiries.peek()) {
      this.#expiries.pop();
      const entry = this.#entries.get(next.key);
      if (entry?.expiresMs !== next.timeMs) continue; // replaced since it was queued
      this.#remove(next.key);
      const row = this.#close(entry);
      if (row) rows.push(row);
    }
    return rows;
  }

  counts(): JoinCounts {
    return { ...this.#counts };
  }

  pending(): number {
    return this.#entries.size;
  }

  state(): JoinerState {
    return {
      watermarkMs: Number.isFinite(this.#watermarkMs) ? this.#watermarkMs : null,
      entries: [...this.#entries], counts: this.counts(),
    };
  }

  #expiryOf(timeMs: number): number {
    return timeMs + this.#options.windowMs + this.#options.latenessMs;
  }

  /** Clocks differ, so an outcome dated a little before its prediction is still its outcome. */
  #inWindow(prediction: Prediction, outcome: Outcome): boolean {
    return outcome.timeMs <= prediction.timeMs + this.#options.windowMs;
  }

  /** The key stays known until the prediction's window has passed, so that duplicates are recognised. */
  #answer(key: string, prediction: Prediction, outcome: Outcome): JoinStep {
    this.#put(key, { kind: "answered", expiresMs: this.#expiryOf(prediction.timeMs) });
    this.#counts.joined++;
    const delayMs = Math.max(0, outcome.timeMs - prediction.timeMs);
    return { accepted: true, rows: [{ ...prediction, value: outcome.value, source: "outcome", delayMs }] };
  }

  #close(entry: JoinEntry): JoinedRow | undefined {
    if (entry.kind === "waiting") this.#counts.orphanOutcomes++;
    if (entry.kind !== "open") return undefined;
    if (this.#options.absence === "unlabelled") {
      this.#counts.unlabelled++;
      return undefined;
    }
    this.#counts.absences++;
    return { ...entry.prediction, value: 0, source: "absence", delayMs: this.#options.windowMs };
  }

  #put(key: string, entry: JoinEntry): void {
    this.#remove(key);
    this.#entries.set(key, entry);
    if (entry.kind === "waiting") this.#waiting++;
    this.#expiries.push({ timeMs: entry.expiresMs, key });
    while (this.#entries.size > this.#options.maximumPending) this.#evictOldest();
    if (this.#expiries.size > 4 * this.#options.maximumPending + 64) this.#queueAll(); // drops what was replaced
  }

  #remove(key: string): void {
    if (this.#entries.get(key)?.kind === "waiting") this.#waiting--;
    this.#entries.delete(key);
  }

  /** The watermark moves along, so that nothing forgotten can come back as new and be labelled twice. */
  #evictOldest(): void {
    const oldest = this.#expiries.pop();
    if (oldest === undefined) return;
    const entry = this.#entries.get(oldest.key);
    if (entry?.expiresMs !== oldest.timeMs) return;
    this.#remove(oldest.key);
    this.#watermarkMs = Math.max(this.#watermarkMs, oldest.timeMs);
    if (entry.kind === "open") this.#counts.evicted++;
    if (entry.kind === "waiting") this.#counts.orphanOutcomes++;
  }

  #queueAll(): void {
    this.#expiries.clear();
    for (const [key, entry] of this.#entries) this.#expiries.push({ timeMs: entry.expiresMs, key });
  }

  #refuse(reason: "duplicates" | "latePredictions" | "lateOutcomes" | "orphanOutcomes"): JoinStep {
    this.#counts[reason]++;
    return { accepted: false, rows: [] };
  }
}

/** The length in front keeps ids that contain a colon apart from ids with an item. */
function keyOf({ decisionId, item }: { readonly decisionId: string; readonly item?: string }): string {
  const key = `${decisionId.length}:${decisionId}`;
  return item === undefined ? key : `${key}:${item}`;
}

function requireFinite(what: string, decisionId: string, values: readonly number[]): void {
  if (values.every(Number.isFinite)) return;
  throw new StrataError("STATISTICS_INPUT_INVALID", { what: `${what} of decision ${decisionId}`, reason: "its time and its value must be finite numbers" });
}
