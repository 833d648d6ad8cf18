/**
 * An entity's key in a view: the text of each part, in the order of the view's entities, joined by KEY_SEPARATOR.
 * Events without a usable key belong to no entity and are skipped, online and offline alike.
 */
import { KEY_SEPARATOR, compileExpression } from "../../define/index.ts";
import type { Evaluator, EventValue, FeatureView } from "../../define/index.ts";
import { StrataError } from "../../kernel/errors.ts";

export type EventRow = Readonly<Record<string, unknown>>;

/** The key part an event's value stands for; undefined when it is missing, not finite, or contains the separator. */
export function keyPart(value: EventValue): string | undefined {
  if (value === undefined || (typeof value === "number" && !Number.isFinite(value))) return undefined;
  const part = String(value);
  return part.includes(KEY_SEPARATOR) ? undefined : part;
}

/** Compiles the view's key expressions, in the order of its entities. */
export function compileKeyParts(view: FeatureView): readonly Evaluator[] {
  return view.entities.map((entity) => compileExpression(view.by[entity.name]!));
}

/** Reads the key of an event; undefined when it has none. */
export function createKeyReader(view: FeatureView): (row: EventRow, timeMs: number) => string | undefined {
  const parts = compileKeyParts(view);
  const [only] = parts;
  if (parts.length === 1) return (row, timeMs) => keyPart(only!(row, timeMs));
  return (row, timeMs) => {
    let key = "";
    for (let index = 0; index < parts.length; index++) {
      const part = keyPart(parts[index]!(row, timeMs));
      if (part === undefined) return undefined;
      key = index === 0 ? part : `${key}${KEY_SEPARATOR}${part}`;
    }
    return key;
  };
}

/** Joins the parts of a requested key; ENTITY_KEY_INVALID when one is missing or contains the separator. */
export function joinKey(view: FeatureView, parts: readonly string[]): string {
  if (parts.length !== view.entities.length) {
    throw invalid(view, `view "${view.name}" needs ${view.entities.length} key(s), ${parts.length} given`);
  }
  for (const part of parts) {
    if (typeof part !== "string") throw invalid(view, `a key of view "${view.name}" is text, not ${typeof part}`);
    if (part.includes(KEY_SEPARATOR)) throw invalid(view, `a key of view "${view.name}" contains the reserved character U+001F`);
  }
  return parts.length === 1 ? parts[0]! : parts.join(KEY_SEPARATOR);
}

function invalid(view: FeatureView, reason: string): StrataError {
  return new StrataError("ENTITY_KEY_INVALID", { entity: view.entities.map((entity) => entity.name).join(" × "), reason });
}
