/** Reads an endpoint's outcomes out of the events of its outcome stream; compiled once per endpoint. */
import { compileExpression } from "../define/index.ts";
import type { Endpoint, Evaluator, Outcome as OutcomeDefinition } from "../define/index.ts";
import type { Outcome, Prediction } from "../observe/index.ts";
import type { PredictionEvent } from "../serving/index.ts";

export type OutcomeReader = (row: Readonly<Record<string, unknown>>, timeMs: number) => Outcome | undefined;

/** undefined for events that name no decision or no reward. */
export function createOutcomeReader({ decision, item, reward }: OutcomeDefinition): OutcomeReader {
  const readDecision = compileExpression(decision);
  const readItem: Evaluator = item === undefined ? () => undefined : compileExpression(item);
  const readReward: Evaluator = reward === undefined ? () => 1 : compileExpression(reward);
  return (row, timeMs) => {
    const decisionId = readDecision(row, timeMs);
    const value = readReward(row, timeMs);
    if (typeof decisionId !== "string" || typeof value !== "number") return undefined;
    const about = readItem(row, timeMs);
    return { decisionId, timeMs, value, ...(about === undefined ? {} : { item: String(about) }) };
  };
}

/** What awaits an outcome: every answered item of a ranking, else the answer as a whole. */
export function predictionsOf(endpoint: Endpoint, event: PredictionEvent): readonly Prediction[] {
  const base = { decisionId: event.decision, timeMs: event.atMs, model: event.model, version: event.version, variant: event.variant };
  if (endpoint.outcome?.item !== undefined) return (event.items ?? []).map(({ item, score }) => ({ ...base, item, score }));
  return [{ ...base, score: event.outputs?.[0] ?? event.items?.[0]?.score ?? 0 }];
}
