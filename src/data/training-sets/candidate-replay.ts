/** A candidate index replayed through the past, asked at past times what it would have answered then. */
import type { Candidates } from "../../define/index.ts";
import { createCandidateIndex } from "../candidates/candidate-index.ts";
import type { Candidate } from "../candidates/candidate-index.ts";
import { createInteractionReaders } from "../candidates/interaction-reader.ts";
import type { EventColumns } from "../lake/event-columns.ts";
import { inKnownOrder } from "./known-order.ts";
import type { Turns } from "./turns.ts";

export interface ReplayQuestion {
  readonly user: string;
  readonly atMs: number;
}

export interface ReplayOptions {
  readonly candidates: Candidates;
  readonly events: ReadonlyMap<string, EventColumns>;
  /** In order of time. */
  readonly questions: readonly ReplayQuestion[];
  readonly turns: Turns;
  /** The answer of each question, in order. */
  readonly onAnswer: (candidates: readonly Candidate[], question: number) => void;
}

const EVENT_WORK = 1;
const QUESTION_WORK = 32; // a question takes as long as about 32 events

/** Asks each question when exactly the events that were known at its time have been applied. */
export async function replayCandidates({ candidates, events, questions, turns, onAnswer }: ReplayOptions): Promise<void> {
  const index = createCandidateIndex(candidates);
  const visits = new Map([...createInteractionReaders(candidates)].map(([stream, reader]) => [stream, reader.overColumns(events.get(stream)!)]));
  let next = 0;
  const answerBefore = async (knownAtMs: number): Promise<void> => {
    while (next < questions.length && questions[next]!.atMs < knownAtMs) {
      const { user, atMs } = questions[next]!;
      onAnswer(index.query({ user, seedItems: [], atMs }), next++);
      await turns.spend(QUESTION_WORK);
    }
  };
  let answeredMs = -Infinity;
  for (const { stream, row, knownAtMs } of inKnownOrder(events)) {
    if (next === questions.length) return;
    if (knownAtMs > answeredMs) await answerBefore(answeredMs = knownAtMs);
    visits.get(stream)!(row, index.apply);
    const turn = turns.spend(EVENT_WORK);
    if (turn) await turn;
  }
  await answerBefore(Infinity);
}
