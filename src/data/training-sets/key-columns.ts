/** Entity keys of events as columns: a plain text field as it is stored, anything else evaluated row by row. */
import { compileExpression, fieldsOf } from "../../define/index.ts";
import type { EventValue, ExpressionNode } from "../../define/index.ts";
import { keyPart } from "../features/entity-key.ts";
import { createEventCursor } from "../features/event-cursor.ts";
import type { EventColumns } from "../lake/event-columns.ts";
import type { TextColumn } from "./training-set.ts";

/** The key that the expression gives for each event; code -1 where it gives none. */
export function keyColumnOf(node: ExpressionNode, events: EventColumns): TextColumn {
  const stored = node.op === "field" && Object.hasOwn(events.columns, node.name) ? events.columns[node.name] : undefined;
  if (stored?.kind === "text" && stored.dictionary.every((value) => keyPart(value) !== undefined)) return stored;
  return encodeTexts(evaluateColumn(node, events, keyPart));
}

/** The expression's value for each event, mapped. */
export function evaluateColumn<T>(node: ExpressionNode, events: EventColumns, map: (value: EventValue) => T): readonly T[] {
  const evaluate = compileExpression(node);
  const cursor = createEventCursor(events, fieldsOf(node));
  return Array.from({ length: events.rows }, (_, row) => {
    cursor.moveTo(row);
    return map(evaluate(cursor.row, events.timesMs[row]!));
  });
}

/** Dictionary-encodes texts, in order of first appearance. */
export function encodeTexts(texts: readonly (string | undefined)[]): TextColumn {
  const numbers = new Map<string, number>();
  const codes = Int32Array.from(texts, (text) => {
    if (text === undefined) return -1;
    if (!numbers.has(text)) numbers.set(text, numbers.size);
    return numbers.get(text)!;
  });
  return { kind: "text", codes, dictionary: [...numbers.keys()] };
}

/** The rows of a column at some positions; the dictionary stays. */
export function pickRows({ codes, dictionary }: TextColumn, positions: Int32Array): TextColumn {
  return { kind: "text", codes: positions.map((position) => codes[position]!), dictionary };
}

/** The rows [from, to) of a column; the dictionary stays. */
export function sliceRows({ codes, dictionary }: TextColumn, from: number, to: number): TextColumn {
  return { kind: "text", codes: codes.slice(from, to), dictionary };
}
