/**
 * Whether a stream's schema may take the place of earlier versions: one pure decision per compatibility mode, with one
 * sentence per problem. The modes are Confluent Schema Registry's; what a JSON Schema reader takes of a writer is
 * decided by schema-difference.ts.
 */
import type { CompatibilityMode } from "../../define/index.ts";
import type { JsonSchema } from "./json-schema.ts";
import { schemaDifferences, type Difference, type SchemaRule } from "./schema-difference.ts";

export interface SchemaVersion {
  readonly version: number;
  readonly schema: JsonSchema;
}

export interface CompatibilityFinding {
  /** The field. */
  readonly path: string;
  readonly rule: SchemaRule;
  /** BACKWARD: events of the version cannot be read by the new schema. FORWARD: the version cannot read the new events. */
  readonly direction: "BACKWARD" | "FORWARD";
  readonly version: number;
  /** What is wrong and how to mend it. */
  readonly message: string;
}

const BACK = ["BACKWARD"] as const, FORWARD = ["FORWARD"] as const, BOTH = ["BACKWARD", "FORWARD"] as const;

const MODES: Readonly<Record<CompatibilityMode, { readonly directions: readonly CompatibilityFinding["direction"][]; readonly isTransitive: boolean }>> = {
  BACKWARD: { directions: BACK, isTransitive: false }, BACKWARD_TRANSITIVE: { directions: BACK, isTransitive: true },
  FORWARD: { directions: FORWARD, isTransitive: false }, FORWARD_TRANSITIVE: { directions: FORWARD, isTransitive: true },
  FULL: { directions: BOTH, isTransitive: false }, FULL_TRANSITIVE: { directions: BOTH, isTransitive: true },
  NONE: { directions: [], isTransitive: false },
};

/** Empty when the candidate may become the next version. `versions` oldest first. */
export function checkCompatibility(mode: CompatibilityMode, candidate: JsonSchema, versions: readonly SchemaVersion[]): readonly CompatibilityFinding[] {
  const { directions, isTransitive } = MODES[mode];
  const judged = isTransitive ? versions : versions.slice(-1);
  return judged.flatMap(({ version, schema }) => directions.flatMap((direction) => {
    const differences = direction === "BACKWARD" ? schemaDifferences(candidate, schema) : schemaDifferences(schema, candidate);
    return differences.map((difference) => findingOf(difference, direction, version));
  }));
}

function findingOf({ path, rule, clause }: Difference, direction: CompatibilityFinding["direction"], version: number): CompatibilityFinding {
  const [reader, writer] = direction === "BACKWARD" ? ["the new schema", `version ${version}`] : [`version ${version}`, "the new schema"];
  const said = clause.replaceAll("{reader}", reader).replaceAll("{writer}", writer);
  return { path, rule, direction, version, message: `${said}; ${FIXES[rule][direction]}` };
}

/** What to do, by what the new schema is: the reader of old events, or the writer of events that old readers get. */
const FIXES: Readonly<Record<SchemaRule, Readonly<Record<CompatibilityFinding["direction"], string>>>> = {
  FIELD_REQUIRED: { BACKWARD: "make it optional or give it a default", FORWARD: "keep the field, and keep it required" },
  FIELD_REFUSED: { BACKWARD: "keep the field, or make the object not strict", FORWARD: "do not add fields while old readers are strict" },
  OBJECT_CLOSED: { BACKWARD: "keep the object not strict", FORWARD: "make the object strict, too" },
  TYPE_NARROWED: { BACKWARD: "take both types (z.union), or add a field of another name", FORWARD: "keep the old type, or add a field of another name" },
  VALUES_NARROWED: { BACKWARD: "keep the old values", FORWARD: "add no values while old readers do not know them" },
  RANGE_NARROWED: { BACKWARD: "keep the old bounds, or wider ones", FORWARD: "keep the old bounds, or narrower ones" },
  LENGTH_NARROWED: { BACKWARD: "keep the old lengths, or wider ones", FORWARD: "keep the old lengths, or narrower ones" },
  PATTERN_CHANGED: { BACKWARD: "keep the old form, or take any text", FORWARD: "keep the old form" },
  ITEMS_NARROWED: { BACKWARD: "keep the old number of items, or a wider one", FORWARD: "keep the old number of items, or a narrower one" },
};
