/**
 * One group of examples per past basket: the candidates that the source would have offered 1 ms before the basket's
 * first event, without knowing anything of the basket.
 */
import type { Candidates, Examples, Model } from "../../define/index.ts";
import { planInteractions } from "../candidates/interaction-plan.ts";
import type { EventColumns } from "../lake/event-columns.ts";
import { createGroups } from "./candidate-groups.ts";
import type { CandidateGroups } from "./candidate-groups.ts";
import { replayCandidates } from "./candidate-replay.ts";
import type { ReplayQuestion } from "./candidate-replay.ts";
import { droppedCounts } from "./example-rows.ts";
import type { ExampleRows, FoundExamples } from "./example-rows.ts";
import type { EventSource } from "./event-source.ts";
import { encodeTexts, keyColumnOf, pickRows } from "./key-columns.ts";
import { countRelevant, labelOutcomes } from "./outcome-index.ts";
import type { HappensWithin, OutcomeQuestions } from "./outcome-index.ts";
import type { TextColumn } from "./training-set.ts";
import type { Turns } from "./turns.ts";

type EachCandidate = Extract<Examples, { readonly kind: "each-candidate" }>;

export interface CandidateExamplesOptions {
  readonly source: EventSource;
  readonly atMs: number;
  readonly turns: Turns;
  readonly onProgress: (done: number, total: number) => void;
}

/** The examples of an `eachCandidate` model. */
export async function findCandidateExamples(examples: EachCandidate, label: Model["label"], options: CandidateExamplesOptions): Promise<FoundExamples> {
  const { candidates, maxGroups } = examples;
  const happens = label as HappensWithin; // the definition's check refuses other labels for candidate examples
  const events = await options.source.eventsOf(candidates);
  const { baskets, dropped } = findBaskets(candidates, events);
  const complete = baskets.filter(({ atMs }) => atMs + happens.windowMs <= options.atMs);
  const latest = complete.slice(-maxGroups);
  const groups = await askCandidates(candidates, { events, questions: latest, ...options });
  const outcomes = await options.source.events(happens.from.name);
  return {
    examples: rowsOf(candidates, groups, { label: happens, outcomes }),
    dropped: droppedCounts({
      "missing-key": dropped, "label-window-open": baskets.length - complete.length, "over-limit": complete.length - latest.length,
      "no-candidates": latest.length - groups.asked.length,
    }),
  };
}

/** Who began a basket, and 1 ms before when; in order of time. `dropped` counts baskets of unknown users. */
function findBaskets(candidates: Candidates, events: ReadonlyMap<string, EventColumns>): { readonly baskets: readonly ReplayQuestion[]; readonly dropped: number } {
  const [stream, purchase] = purchaseOf(candidates);
  const columns = events.get(stream)!;
  const users = keyColumnOf(purchase.user, columns);
  const { codes, dictionary } = keyColumnOf(purchase.basket!, columns);
  const first = new Int32Array(dictionary.length).fill(-1);
  for (let row = 0; row < columns.rows; row++) {
    const basket = codes[row]!;
    if (basket >= 0 && (first[basket]! < 0 || columns.timesMs[row]! < columns.timesMs[first[basket]!]!)) first[basket] = row;
  }
  const rows = first.filter((row) => row >= 0);
  const known = rows.filter((row) => users.codes[row]! >= 0).toSorted((a, b) => columns.timesMs[a]! - columns.timesMs[b]! || a - b);
  const baskets = Array.from(known, (row) => ({ user: users.dictionary[users.codes[row]!]!, atMs: columns.timesMs[row]! - 1 }));
  return { baskets, dropped: rows.length - known.length };
}

function purchaseOf(candidates: Candidates) {
  for (const [stream, planned] of planInteractions(candidates)) {
    const purchase = planned.find(({ kind }) => kind === "purchase");
    if (purchase) return [stream, purchase] as const;
  }
  throw new TypeError(`candidate source "${candidates.name}" has no purchase`); // the definition's check asks for a basket
}

interface AskOptions extends CandidateExamplesOptions {
  readonly events: ReadonlyMap<string, EventColumns>;
  readonly questions: readonly ReplayQuestion[];
}

async function askCandidates(candidates: Candidates, { events, questions, turns, onProgress }: AskOptions): Promise<CandidateGroups> {
  const groups = createGroups();
  await replayCandidates({
    candidates, events, questions, turns,
    onAnswer: (found, question) => {
      if (found.length > 0) groups.add(questions[question]!, found);
      onProgress(question + 1, questions.length);
    },
  });
  return groups.finish();
}

interface Outcomes {
  readonly label: HappensWithin;
  readonly outcomes: EventColumns;
}

function rowsOf({ name, user, item }: Candidates, groups: CandidateGroups, { label, outcomes }: Outcomes): ExampleRows {
  const { asked, sizes, groupOfRow, features } = groups;
  const users = encodeTexts(asked.map((question) => question.user));
  const groupTimes = Float64Array.from(asked, ({ atMs }) => atMs);
  const timesMs = Float64Array.from(groupOfRow, (group) => groupTimes[group]!);
  const keys: Readonly<Record<string, TextColumn>> = { [user.name]: pickRows(users, groupOfRow), [item.name]: groups.items };
  const labels = labelOutcomes(label, outcomes, { rows: groupOfRow.length, keys, timesMs });
  const questions = { rows: asked.length, keys: { [user.name]: users }, timesMs: groupTimes };
  return {
    rows: groupOfRow.length, timesMs, keys, label: labels, groups: sizes, candidateFeatures: { [name]: features },
    totalRelevant: relevantOf(label, outcomes, { item: item.name, labels, sizes, questions }),
  };
}

interface RelevantOptions {
  readonly item: string;
  readonly labels: Float64Array;
  readonly sizes: Uint32Array;
  readonly questions: OutcomeQuestions;
}

/** A label that does not ask who and what at once cannot tell items from candidates: then only these count. */
function relevantOf(label: HappensWithin, outcomes: EventColumns, { item, labels, sizes, questions }: RelevantOptions): Float64Array {
  const isPerItem = item in label.keys && Object.keys(label.keys).length > 1;
  if (isPerItem) return countRelevant(label, outcomes, { item, questions });
  let start = 0;
  return Float64Array.from(sizes, (size) => labels.subarray(start, start += size).reduce((sum, value) => sum + value, 0));
}
