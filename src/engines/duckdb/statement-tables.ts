/**
 * What a parsed statement reads: its tables, and the conditions on their time columns that every row must meet. Pure,
 * over DuckDB's own syntax tree as JSON (json_serialize_sql). A condition counts only where leaving out the rows that
 * fail it cannot change the answer: in the WHERE of the SELECT whose FROM has the table, joined in ordinary ways. A
 * comparison is false for NULL, so this holds for outer joins too; ASOF and positional joins pick rows by others and are
 * left alone.
 */
export type Node = Readonly<Record<string, unknown>>;

/** A condition on a time column: the constant's syntax tree, and on which side of it the times lie. */
export interface TimeCondition {
  readonly side: "from" | "to";
  /** The constant. */
  readonly value: Node;
  /** The column is compared as a date, so the day of the constant belongs to what is wanted. */
  readonly isByDay: boolean;
}

export interface TableReading {
  /** As the statement writes it. */
  readonly name: string;
  /** All of them hold for the rows wanted; empty: all rows. */
  readonly conditions: readonly TimeCondition[];
  readonly hasVersion: boolean;
}

/** Every place where the statement reads a table by name. */
export function readingsOf(tree: Node, timeColumnOf: (table: string) => string | undefined): readonly TableReading[] {
  const nodes = allNodes(tree);
  const cteNames = new Set(nodes.flatMap(({ cte_map: map }) => (isNode(map) && Array.isArray(map["map"]) ? map["map"].map((entry) => lower(isNode(entry) ? entry["key"] : "")) : [])));
  const conditions = new Map<Node, readonly TimeCondition[]>();
  for (const select of nodes) {
    if (select["type"] !== "SELECT_NODE" || !isNode(select["where_clause"])) continue;
    for (const [table, found] of conditionsOf(select, timeColumnOf)) conditions.set(table, found);
  }
  return nodes.filter(({ type }) => type === "BASE_TABLE").map((table) => {
    const name = textOf(table["table_name"]);
    return { name, conditions: cteNames.has(lower(name)) ? [] : conditions.get(table) ?? [], hasVersion: isNode(table["at_clause"]) };
  });
}

/** The tables directly in a SELECT's FROM with what its WHERE says of their time columns. */
function conditionsOf(select: Node, timeColumnOf: (table: string) => string | undefined): ReadonlyMap<Node, readonly TimeCondition[]> {
  const sources = sourcesOf(select["from_table"]);
  if (sources === undefined || isNode(select["sample"])) return new Map();
  const conjuncts = conjunctsOf(select["where_clause"]);
  return new Map(sources.flatMap((table): [Node, readonly TimeCondition[]][] => {
    const column = table["type"] === "BASE_TABLE" && isPlain(table) ? timeColumnOf(textOf(table["table_name"])) : undefined;
    if (column === undefined) return [];
    const isIt = (node: unknown): boolean => refersTo(node, { table, column, sources });
    return [[table, conjuncts.flatMap((node) => conditionsIn(node, isIt))]];
  }));
}

const isPlain = (table: Node): boolean => !isNode(table["sample"]) && (table["column_name_alias"] as readonly unknown[] | undefined)?.length === 0;

/** Joins whose rows depend on nothing but their condition. */
const ORDINARY_JOINS = new Set(["REGULAR", "CROSS", "NATURAL"]);

/** What FROM joins; undefined when a row's place in it matters. */
function sourcesOf(from: unknown): readonly Node[] | undefined {
  if (!isNode(from)) return [];
  if (from["type"] !== "JOIN") return [from];
  if (!ORDINARY_JOINS.has(textOf(from["ref_type"]))) return undefined;
  const [left, right] = [sourcesOf(from["left"]), sourcesOf(from["right"])];
  return left === undefined || right === undefined ? undefined : [...left, ...right];
}

function conjunctsOf(node: unknown): readonly Node[] {
  if (!isNode(node)) return [];
  return node["type"] === "CONJUNCTION_AND" ? nodesIn(node["children"]).flatMap(conjunctsOf) : [node];
}

interface ColumnSought {
  readonly table: Node;
  readonly column: string;
  readonly sources: readonly Node[];
}

function refersTo(node: unknown, { table, column, sources }: ColumnSought): boolean {
  if (!isNode(node) || node["class"] !== "COLUMN_REF" || !Array.isArray(node["column_names"])) return false;
  const names = node["column_names"].map(lower);
  if (names.at(-1) !== lower(column) || names.length > 2) return false;
  if (names.length === 1) return sources.length === 1;
  const called = (source: Node): string => lower(textOf(source["alias"]) || source["table_name"]);
  return called(table) === names[0] && sources.filter((source) => called(source) === names[0]).length === 1;
}

const FLIPPED: Readonly<Record<string, string>> = {
  COMPARE_GREATERTHAN: "COMPARE_LESSTHAN", COMPARE_GREATERTHANOREQUALTO: "COMPARE_LESSTHANOREQUALTO",
  COMPARE_LESSTHAN: "COMPARE_GREATERTHAN", COMPARE_LESSTHANOREQUALTO: "COMPARE_GREATERTHANOREQUALTO", COMPARE_EQUAL: "COMPARE_EQUAL",
};

const SIDES: Readonly<Record<string, readonly TimeCondition["side"][]>> = {
  COMPARE_GREATERTHAN: ["from"], COMPARE_GREATERTHANOREQUALTO: ["from"], COMPARE_LESSTHAN: ["to"], COMPARE_LESSTHANOREQUALTO: ["to"], COMPARE_EQUAL: ["from", "to"],
};

function conditionsIn(node: Node, isTime: (node: unknown) => boolean): readonly TimeCondition[] {
  const kind = textOf(node["type"]);
  if (kind === "COMPARE_BETWEEN") return [...compared(node["input"], "COMPARE_GREATERTHANOREQUALTO", node["lower"], isTime), ...compared(node["input"], "COMPARE_LESSTHANOREQUALTO", node["upper"], isTime)];
  const found = compared(node["left"], kind, node["right"], isTime);
  return found.length > 0 ? found : compared(node["right"], FLIPPED[kind] ?? "", node["left"], isTime);
}

function compared(column: unknown, kind: string, value: unknown, isTime: (node: unknown) => boolean): readonly TimeCondition[] {
  const isByDay = isNode(column) && column["type"] === "OPERATOR_CAST" && column["try_cast"] === false && isNode(column["cast_type"]) && column["cast_type"]["id"] === "DATE" && isTime(column["child"]);
  if (!isByDay && !isTime(column)) return [];
  if (!isNode(value) || !isConstant(value)) return [];
  return (SIDES[kind] ?? []).map((side) => ({ side, value, isByDay }));
}

/** Functions whose value depends on their arguments alone. */
const PURE = new Set(["-", "+", "trunc", "to_seconds", "to_minutes", "to_hours", "to_days", "to_weeks", "to_months", "to_years", "make_date", "make_timestamp", "make_timestamptz", "to_timestamp", "epoch_ms"]);
/** The start of the statement; what is made of it by adding and subtracting moves with it. */
const NOW = new Set(["now", "get_current_timestamp", "transaction_timestamp"]);

function isConstant(node: Node): boolean {
  switch (node["class"]) {
    case "CONSTANT": return true;
    case "CAST": return isNode(node["child"]) && isConstant(node["child"]) && (!readsNow(node["child"]) || textOf((node["cast_type"] as Node)["id"]).startsWith("TIMESTAMP"));
    case "COLUMN_REF": return isCurrentTimestamp(node);
    case "FUNCTION": {
      const name = lower(node["function_name"]);
      const children = nodesIn(node["children"]);
      if (NOW.has(name)) return children.length === 0;
      return PURE.has(name) && children.every(isConstant) && (name === "-" || name === "+" || !children.some(readsNow));
    }
    default: return false;
  }
}

const isCurrentTimestamp = (node: Node): boolean => Array.isArray(node["column_names"]) && node["column_names"].length === 1 && lower(node["column_names"][0]) === "current_timestamp";

/** Whether the constant is the time of the statement, or made of it. */
export function readsNow(node: Node): boolean {
  return allNodes(node).some((inner) => (inner["class"] === "FUNCTION" && NOW.has(lower(inner["function_name"]))) || (inner["class"] === "COLUMN_REF" && isCurrentTimestamp(inner)));
}

function allNodes(tree: unknown): readonly Node[] {
  if (Array.isArray(tree)) return tree.flatMap(allNodes);
  if (!isNode(tree)) return [];
  return [tree, ...Object.values(tree).flatMap(allNodes)];
}

const isNode = (value: unknown): value is Node => typeof value === "object" && value !== null && !Array.isArray(value);
const nodesIn = (value: unknown): readonly Node[] => (Array.isArray(value) ? value.filter(isNode) : []);
const textOf = (value: unknown): string => (typeof value === "string" ? value : "");
const lower = (value: unknown): string => textOf(value).toLowerCase();
