/**
 * Candidate features of rows that do not come from the candidate source itself, such as examples made from events
 * whose model still uses the source's scores: the source is asked for the row's user, and the row's item looked up.
 */
import { CANDIDATE_FEATURES } from "../../define/index.ts";
import type { Candidates } from "../../define/index.ts";
import { replayCandidates } from "./candidate-replay.ts";
import type { EventSource } from "./event-source.ts";
import type { ExampleRows } from "./example-rows.ts";
import type { Turns } from "./turns.ts";

/** The examples with the features of every source; an item that the source would not have offered has none. */
export async function replayMissingCandidates(examples: ExampleRows, sources: readonly Candidates[], { source, turns }: { readonly source: EventSource; readonly turns: Turns }): Promise<ExampleRows> {
  const candidateFeatures: Record<string, Float64Array> = { ...examples.candidateFeatures };
  for (const candidates of sources) {
    if (candidates.name in candidateFeatures) continue;
    const values = new Float64Array(examples.rows * CANDIDATE_FEATURES.length).fill(Number.NaN);
    const users = examples.keys[candidates.user.name]!;
    const items = examples.keys[candidates.item.name]!;
    await replayCandidates({
      candidates, turns, events: await source.eventsOf(candidates),
      questions: Array.from(users.codes, (code, row) => ({ user: users.dictionary[code]!, atMs: examples.timesMs[row]! })),
      onAnswer: (found, row) => {
        const item = items.dictionary[items.codes[row]!];
        values.set(found.find((candidate) => candidate.item === item)?.features ?? [], row * CANDIDATE_FEATURES.length);
      },
    });
    candidateFeatures[candidates.name] = values;
  }
  return { ...examples, candidateFeatures };
}
