/** What is known of one endpoint from its stored answers and their outcomes: rewards, shadow results, traffic. */
import type { DecodedBatch } from "../data/index.ts";
import type { Endpoint } from "../define/index.ts";
import { createOutcomeJoiner } from "../observe/index.ts";
import type { JoinerState } from "../observe/index.ts";
import type { PredictionEvent } from "../serving/index.ts";
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
  failures(sinceMs: number): { readonly fallbacks: number; readonly answers: number };
  traffic(): readonly TrafficCount[];
  state(): EndpointRecordState;
}

interface RecentAnswer {
  readonly atMs: number;
  readonly isFallback: boolean;
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
      answers.add({ atMs, isFallback: variant === "fallback" });
      shadows.add(event);
      if (outcome === undefined || variant === "fallback") return;
      const predictions = predictionsOf(endpoint, event);
      ledger.open(decision, { atMs, version, variant, rows: predictions.length });
      for (const prediction of predictions) ledger.close(joiner.addPrediction(prediction).rows);
    },
    takeOutcomes: (batch) => {
      if (read === undefined) return;
      batch.rows.forEach((row, at) => {
        const found = read(row, batch.timesMs[at]!);
        if (found) ledger.close(joiner.addOutcome(found).rows);
      });
    },
    advance: (nowMs) => ledger.close(joiner.advance(nowMs)),
    failures: (sinceMs) => {
      const recent = answers.all().filter((answer) => answer.atMs >= sinceMs);
      return { answers: recent.length, fallbacks: recent.filter((answer) => answer.isFallback).length };
    },
    traffic: () => [...traffic.values()],
    state: () => ({ joiner: joiner.state(), ledger: ledger.state(), traffic: [...traffic.values()], shadows: shadows.state(), answers: answers.all() }),
  };
}

const keyOf = ({ variant, version }: Pick<TrafficCount, "variant" | "version">): string => `${variant}|${version}`;
