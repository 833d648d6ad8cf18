/** What is known of one endpoint from its stored answers and their outcomes: rewards, shadow results, traffic. */
import type { DecodedBatch } from "../data/index.ts";
import type { Endpoint } from "../define/index.ts";
import { createOutcomeJoiner } from "../observe/index.ts";
import type { JoinerState } from "../observe/index.ts";
import type { PredictionEvent, Variant } from "../serving/index.ts";
import { createOutcomeReader, predictionsOf } from "./outcome-reader.ts";
import { createRecent } from "./recent.ts";
import { createRewardLedger } from "./reward-ledger.ts";
import type { RewardLedger, RewardLedgerState } from "./reward-ledger.ts";
import { createShadowRecord } from "./shadow-record.ts";
import type { ShadowRecord, ShadowSample } from "./shadow-record.ts";

export interface TrafficCount {
  readonly variant: string;
  readonly version: number;
  readonly requests: number;
}

export interface EndpointRecord {
  readonly endpoint: Endpoint;
  readonly ledger: RewardLedger;
  readonly shadows: ShadowRecord;
  takePrediction(event: PredictionEvent): void;
  takeOutcomes(batch: DecodedBatch): void;
  /** Closes answers whose outcome window has passed. */
  advance(nowMs: number): void;
  failures(query: FailureQuery): AnswerFailures;
  traffic(): readonly TrafficCount[];
  state(): EndpointRecordState;
}

export interface FailureQuery {
  /** Answers given at or after this time. */
  readonly sinceMs: number;
  /** Who should have answered; everybody when absent. */
  readonly variant?: Variant;
}

export interface AnswerFailures {
  readonly answers: number;
  /** Answers that the fallback gave because the model's would have been late. */
  readonly fallbacks: number;
  /** Answers that the fallback gave because something failed. */
  readonly errors: number;
}

interface RecentAnswer {
  readonly atMs: number;
  readonly variant: Variant | "fallback";
  readonly failure?: "late" | "error";
}

const LATE: readonly (string | undefined)[] = ["DEADLINE_EXCEEDED", "OVERLOADED", "QUEUE_FULL"];

function recentAnswer({ atMs, variant, routedTo, fallbackCode }: PredictionEvent): RecentAnswer {
  if (variant !== "fallback") return { atMs, variant };
  return { atMs, variant: routedTo?.variant ?? "fallback", failure: LATE.includes(fallbackCode) ? "late" : "error" };
}

/** Plain JSON. */
export interface EndpointRecordState {
  readonly joiner: JoinerState;
  readonly ledger: RewardLedgerState;
  readonly traffic: readonly TrafficCount[];
  readonly shadows: readonly ShadowSample[];
  readonly answers: readonly RecentAnswer[];
}

const MAX_PENDING_OUTCOMES = 500_000;

export function createEndpointRecord(endpoint: Endpoint, saved?: EndpointRecordState): EndpointRecord {
  const { outcome } = endpoint;
  const joiner = createOutcomeJoiner({ windowMs: outcome?.windowMs ?? 1, maximumPending: MAX_PENDING_OUTCOMES }, saved?.joiner);
  const ledger = createRewardLedger(saved?.ledger);
  const shadows = createShadowRecord(saved?.shadows);
  const answers = createRecent<RecentAnswer>(saved?.answers);
  const traffic = new Map(saved?.traffic.map((count) => [keyOf(count), count]));
  const read = outcome && createOutcomeReader(outcome);

  return {
    endpoint, ledger, shadows,
    takePrediction: (event) => {
      const { variant, version, decision, atMs } = event;
      traffic.set(keyOf(event), { variant, version, requests: (traffic.get(keyOf(event))?.requests ?? 0) + 1 });
      answers.add(recentAnswer(event));
      shadows.add(event);
      if (outcome === undefined || variant === "fallback") return;
      const predictions = predictionsOf(endpoint, event);
      ledger.open(decision, { atMs, version, variant, rows: predictions.length, settlesAtMs: atMs + outcome.windowMs });
      for (const prediction of predictions) ledger.close(joiner.addPrediction(prediction).rows);
    },
    takeOutcomes: (batch) => {
      if (read === undefined) return;
      batch.rows.forEach((row, at) => {
        const found = read(row, batch.timesMs[at]!);
        if (found) ledger.close(joiner.addOutcome(found).rows);
      });
    },
    advance: (nowMs) => {
      ledger.close(joiner.advance(nowMs));
      ledger.settle(nowMs);
    },
    failures: ({ sinceMs, variant }) => {
      const recent = answers.all().filter((answer) => answer.atMs >= sinceMs && (variant === undefined || answer.variant === variant));
      return { answers: recent.length, fallbacks: recent.filter((answer) => answer.failure === "late").length, errors: recent.filter((answer) => answer.failure === "error").length };
    },
    traffic: () => [...traffic.values()],
    state: () => ({ joiner: joiner.state(), ledger: ledger.state(), traffic: [...traffic.values()], shadows: shadows.state(), answers: answers.all() }),
  };
}

const keyOf = ({ variant, version }: Pick<TrafficCount, "variant" | "version">): string => `${variant}|${version}`;
