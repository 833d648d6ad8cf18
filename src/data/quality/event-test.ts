/** A rule that looks at one event alone, as a function; compiled once, it allocates nothing. Pure. */
import { compileExpression } from "../../define/index.ts";
import type { RuleTest } from "../../define/index.ts";

export type Row = Readonly<Record<string, unknown>>;

/** What a rule says about an event; unjudged: the value it looks at is missing. */
export type Outcome = "good" | "bad" | "unjudged";

export type EventTest = (row: Row, timeMs: number) => Outcome;

/** undefined for a test that needs more than the event itself. */
export function compileEventTest(test: RuleTest): EventTest | undefined {
  switch (test.kind) {
    case "not-null": return compilePresence(test.value);
    case "between": {
      const { min = -Infinity, max = Infinity } = test;
      return judgeValue(test.value, (value) => typeof value === "number" && value >= min && value <= max);
    }
    case "one-of": {
      const values = new Set<unknown>(test.values);
      return judgeValue(test.value, (value) => values.has(value));
    }
    case "matches": {
      const pattern = new RegExp(test.source, test.flags);
      return judgeValue(test.value, (value) => pattern.test(String(value)));
    }
    case "holds": {
      const condition = compileExpression(test.value);
      return (row, timeMs) => (condition(row, timeMs) === true ? "good" : "bad");
    }
    default: return undefined;
  }
}

/** A field counts as there whatever its type; an expression when it has a value. */
function compilePresence(value: Extract<RuleTest, { kind: "not-null" }>["value"]): EventTest {
  if (value.op === "field") {
    const { name } = value;
    return (row) => {
      const found = row[name];
      return found === undefined || found === null || Number.isNaN(found) ? "bad" : "good";
    };
  }
  const evaluate = compileExpression(value);
  return (row, timeMs) => (evaluate(row, timeMs) === undefined ? "bad" : "good");
}

function judgeValue(node: Extract<RuleTest, { kind: "between" }>["value"], holds: (value: unknown) => boolean): EventTest {
  const evaluate = compileExpression(node);
  return (row, timeMs) => {
    const value = evaluate(row, timeMs);
    if (value === undefined || Number.isNaN(value)) return "unjudged";
    return holds(value) ? "good" : "bad";
  };
}
