/** Feast's `entities`, columns by name: the keys and request values of a read, with what Feast refuses and in its words. */
import type { OnlineQuestion } from "../../data/index.ts";
import { DetailedRefusal } from "./body-check.ts";
import { keyError, plainError, pythonList, requestDataNotFound } from "./feast-error.ts";
import type { FeastSelection } from "./feature-references.ts";

export type EntityColumns = Readonly<Record<string, readonly unknown[]>>;

export interface FeastQuestion extends OnlineQuestion {
  /** The key columns as they came, in their order: the answer begins with them. */
  readonly echoed: readonly (readonly [name: string, values: readonly unknown[]])[];
}

export function questionOf({ selection, knownEntities }: FeastSelection, entities: EntityColumns): FeastQuestion {
  const echoed: [string, readonly unknown[]][] = [];
  const keys: Record<string, readonly string[]> = {};
  const request: Record<string, readonly unknown[]> = {};
  let rows = -1;
  for (const name in entities) {
    const values = entities[name]!;
    if (rows >= 0 && values.length !== rows) throw plainError("All entity rows must have the same columns.");
    rows = values.length;
    if (selection.requestFields.includes(name)) request[name] = values;
    else if (selection.entities.includes(name)) {
      keys[name] = keyTexts(name, values);
      echoed.push([name, values]);
    }
  }
  if (rows < 0) throw keyError("pop from an empty set");
  const missing = selection.requestFields.filter((field) => !(field in request));
  if (missing.length > 0) throw requestDataNotFound(missing);
  for (const { entities: needed } of selection.views) {
    const given = rows === 0 ? [] : needed.filter((entity) => entity in keys);
    if (given.length > 0) continue;
    const absent = knownEntities.filter((entity) => !needed.includes(entity) || !(entity in keys));
    const provided = echoed.map(([name]) => name);
    throw keyError(`Missing join key values for keys: ${pythonList(absent)}. No values provided for keys: ${pythonList(rows === 0 ? knownEntities : absent)}. Provided join_key_values: ${pythonList(provided)}`);
  }
  return { rows, keys, request, echoed };
}

/** Keys are text here; a number stands for the text that an event's number would give. */
function keyTexts(entity: string, values: readonly unknown[]): readonly string[] {
  for (let row = 0; row < values.length; row++) {
    if (typeof values[row] !== "string") return values.map((value, at) => keyText(entity, value, at));
  }
  return values as readonly string[]; // looked at, one by one
}

function keyText(entity: string, value: unknown, row: number): string {
  if (typeof value === "string") return value;
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  throw new DetailedRefusal([{ type: "string_type", loc: ["body", "entities", entity, row], msg: "Input should be a valid string", input: value }]);
}
