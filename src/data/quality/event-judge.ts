/**
 * A rule that says good or bad about each event, whatever it needs for that: the event alone, the keys seen before, or
 * the keys of another stream. The stream, the lake and a file are judged by the same judge.
 */
import { compileExpression } from "../../define/index.ts";
import type { Evaluator, EventValue, RuleTest } from "../../define/index.ts";
import { formatDuration } from "../../kernel/duration.ts";
import { compileEventTest } from "./event-test.ts";
import type { EventTest } from "./event-test.ts";
import { hashKey } from "./key-hash.ts";
import { createSeenKeys } from "./seen-keys.ts";
import type { SeenKeysState } from "./seen-keys.ts";

export interface EventJudge {
  readonly judge: EventTest;
  /** What it must remember, as plain JSON; undefined when nothing. */
  state(): SeenKeysState | undefined;
  /** What it could not see, as the end of a sentence; undefined when nothing. */
  blindness?(): string | undefined;
}

/** Hashes (see hashKey) of the values that a field of another stream has had. */
export type ReferenceKeys = (test: Extract<RuleTest, { kind: "refers-to" }>) => ReadonlySet<number>;

/** undefined for rules that do not judge event by event. */
export function createEventJudge(test: RuleTest, references: ReferenceKeys, saved?: SeenKeysState): EventJudge | undefined {
  const alone = compileEventTest(test);
  if (alone !== undefined) return { judge: alone, state: () => undefined };
  if (test.kind === "unique") return judgeUnique(test, saved);
  if (test.kind === "refers-to") return judgeReference(test, references);
  return undefined;
}

function judgeUnique(test: Extract<RuleTest, { kind: "unique" }>, saved: SeenKeysState | undefined): EventJudge {
  const seen = createSeenKeys(test, saved);
  const parts = test.key.map(compileExpression);
  const values: EventValue[] = [];
  return {
    state: seen.state,
    blindness: () => (seen.dropped === 0 ? undefined : ` More than ${test.keys.toLocaleString("en-US")} keys came within ${formatDuration(test.withinMs)}, so ${seen.dropped.toLocaleString("en-US")} of the oldest were not compared; raise \`keys\`.`),
    judge: (row, timeMs) => {
      let isThere = false;
      for (const [at, part] of parts.entries()) {
        values[at] = part(row, timeMs);
        isThere ||= values[at] !== undefined;
      }
      if (!isThere) return "unjudged";
      return seen.see(hashKey(values), timeMs) ? "bad" : "good";
    },
  };
}

function judgeReference(test: Extract<RuleTest, { kind: "refers-to" }>, references: ReferenceKeys): EventJudge {
  const evaluate = compileExpression(test.value);
  return {
    state: () => undefined,
    judge: (row, timeMs) => {
      const value = evaluate(row, timeMs);
      if (value === undefined) return "unjudged";
      return references(test).has(hashKey([value])) ? "good" : "bad";
    },
  };
}

/** The key of an event of the stream that a reference looks into; undefined when it has none. */
export function compileReferenceKey(test: Extract<RuleTest, { kind: "refers-to" }>): (row: Readonly<Record<string, unknown>>, timeMs: number) => number | undefined {
  const evaluate: Evaluator = compileExpression(test.by);
  return (row, timeMs) => {
    const value = evaluate(row, timeMs);
    return value === undefined ? undefined : hashKey([value]);
  };
}
