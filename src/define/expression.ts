/**
 * Typed expressions over the fields of an event: `e.quantity.times(e.price)` builds a small tree of plain data.
 * The tree is stored with the definition and evaluated by one function in the stream and in the training join,
 * so a feature cannot mean two things. A missing field makes arithmetic missing and comparisons false.
 */

export type Scalar = number | string | boolean;

export type ArithmeticOperator = "add" | "subtract" | "multiply" | "divide";
export type ComparisonOperator = "equals" | "less" | "atMost" | "greater" | "atLeast";

/** The serialisable form. */
export type ExpressionNode =
  | { readonly op: "field"; readonly name: string }
  | { readonly op: "eventTime" }
  | { readonly op: "constant"; readonly value: Scalar }
  | { readonly op: ArithmeticOperator | ComparisonOperator | "and" | "or"; readonly left: ExpressionNode; readonly right: ExpressionNode }
  | { readonly op: "not" | "present" | "absolute" | "logarithm"; readonly operand: ExpressionNode }
  | { readonly op: "oneOf"; readonly operand: ExpressionNode; readonly values: readonly Scalar[] };

/** An expression whose value has type `T`; `node` is what is stored. */
export interface Expression<T extends Scalar> {
  readonly node: ExpressionNode;
  /** Only for the type checker; never present at run time. */
  readonly __value?: T;
}

interface Comparable<T extends Scalar> extends Expression<T> {
  equals(other: Operand<T>): BooleanExpression;
  oneOf(values: readonly T[]): BooleanExpression;
  /** True when the event has a value here. */
  present(): BooleanExpression;
}

export interface NumberExpression extends Comparable<number> {
  plus(other: Operand<number>): NumberExpression;
  minus(other: Operand<number>): NumberExpression;
  times(other: Operand<number>): NumberExpression;
  /** Division by zero is missing, not infinite. */
  dividedBy(other: Operand<number>): NumberExpression;
  less(other: Operand<number>): BooleanExpression;
  atMost(other: Operand<number>): BooleanExpression;
  greater(other: Operand<number>): BooleanExpression;
  atLeast(other: Operand<number>): BooleanExpression;
  absolute(): NumberExpression;
  /** Natural logarithm of 1 + the value; missing at or below -1. */
  logarithm(): NumberExpression;
}

export interface StringExpression extends Comparable<string> {}

export interface BooleanExpression extends Comparable<boolean> {
  and(other: Expression<boolean>): BooleanExpression;
  or(other: Expression<boolean>): BooleanExpression;
  not(): BooleanExpression;
}

type Operand<T extends Scalar> = T | Expression<T>;

/** The expression type of a field of type `T`; fields that are not scalars can only be tested for presence. */
export type ExpressionOf<T> = [NonNullable<T>] extends [number] ? NumberExpression
  : [NonNullable<T>] extends [string] ? StringExpression
  : [NonNullable<T>] extends [boolean] ? BooleanExpression
  : { present(): BooleanExpression };

/** One expression per field of the event, plus `$time`, the event time in ms since the epoch. */
export type EventExpressions<Row> = { readonly [Field in keyof Row & string]-?: ExpressionOf<Row[Field]> } & { readonly $time: NumberExpression };

/** The `e` handed to definitions: any field name yields its expression; the types keep typos out. */
export function eventExpressions<Row>(): EventExpressions<Row> {
  const fields = new Proxy({}, {
    get: (_, name) => (name === "$time" ? build({ op: "eventTime" }) : build({ op: "field", name: String(name) })),
  });
  return fields as EventExpressions<Row>; // the proxy answers every field, the mapped type names those that exist
}

/** The same for a row whose fields stand under a name: "left.price"; `$time` is the field "left.$time". */
export function scopedExpressions(scope: string): Readonly<Record<string, AnyExpression>> {
  return new Proxy({}, { get: (_, name) => build({ op: "field", name: `${scope}.${String(name)}` }) });
}

type AnyExpression = NumberExpression & StringExpression & BooleanExpression;

function build(node: ExpressionNode): AnyExpression {
  const binary = (op: ArithmeticOperator | ComparisonOperator | "and" | "or") => (other: Operand<Scalar>) =>
    build({ op, left: node, right: operandNode(other) });
  const expression = {
    node,
    plus: binary("add"), minus: binary("subtract"), times: binary("multiply"), dividedBy: binary("divide"),
    equals: binary("equals"), less: binary("less"), atMost: binary("atMost"), greater: binary("greater"), atLeast: binary("atLeast"),
    and: binary("and"), or: binary("or"),
    not: () => build({ op: "not", operand: node }),
    present: () => build({ op: "present", operand: node }),
    absolute: () => build({ op: "absolute", operand: node }),
    logarithm: () => build({ op: "logarithm", operand: node }),
    oneOf: (values: readonly Scalar[]) => build({ op: "oneOf", operand: node, values: [...values] }),
  };
  return Object.freeze(expression); // every method exists; the public types expose those that fit the field
}

function operandNode(operand: Operand<Scalar>): ExpressionNode {
  return typeof operand === "object" ? operand.node : { op: "constant", value: operand };
}

export type EventValue = Scalar | undefined;
export type Evaluator = (row: Readonly<Record<string, unknown>>, timeMs: number) => EventValue;

const ARITHMETIC: Record<ArithmeticOperator, (a: number, b: number) => number> = {
  add: (a, b) => a + b,
  subtract: (a, b) => a - b,
  multiply: (a, b) => a * b,
  divide: (a, b) => a / b,
};

const COMPARISON: Record<ComparisonOperator, (a: Scalar, b: Scalar) => boolean> = {
  equals: (a, b) => a === b,
  less: (a, b) => a < b,
  atMost: (a, b) => a <= b,
  greater: (a, b) => a > b,
  atLeast: (a, b) => a >= b,
};

/** Turns a tree into a function, once per feature; the function allocates nothing. */
export function compileExpression(node: ExpressionNode): Evaluator {
  switch (node.op) {
    case "field": return compileField(node.name);
    case "eventTime": return (_, timeMs) => timeMs;
    case "constant": return () => node.value;
    case "add": case "subtract": case "multiply": case "divide":
      return compileArithmetic(ARITHMETIC[node.op], compileExpression(node.left), compileExpression(node.right));
    case "equals": case "less": case "atMost": case "greater": case "atLeast":
      return compileComparison(COMPARISON[node.op], compileExpression(node.left), compileExpression(node.right));
    case "and": case "or": return compileLogic(node.op, compileExpression(node.left), compileExpression(node.right));
    case "not": case "present": case "absolute": case "logarithm": return compileUnary(node.op, compileExpression(node.operand));
    case "oneOf": {
      const operand = compileExpression(node.operand);
      const values = new Set<EventValue>(node.values);
      return (row, timeMs) => values.has(operand(row, timeMs));
    }
  }
}

function compileField(name: string): Evaluator {
  return (row) => {
    const value = row[name];
    return typeof value === "string" || typeof value === "number" || typeof value === "boolean" ? value : undefined;
  };
}

function compileArithmetic(apply: (a: number, b: number) => number, left: Evaluator, right: Evaluator): Evaluator {
  return (row, timeMs) => {
    const a = left(row, timeMs);
    const b = right(row, timeMs);
    if (typeof a !== "number" || typeof b !== "number") return undefined;
    const result = apply(a, b);
    return Number.isFinite(result) ? result : undefined;
  };
}

function compileComparison(holds: (a: Scalar, b: Scalar) => boolean, left: Evaluator, right: Evaluator): Evaluator {
  return (row, timeMs) => {
    const a = left(row, timeMs);
    const b = right(row, timeMs);
    return a !== undefined && b !== undefined && holds(a, b);
  };
}

function compileLogic(op: "and" | "or", left: Evaluator, right: Evaluator): Evaluator {
  return op === "and"
    ? (row, timeMs) => left(row, timeMs) === true && right(row, timeMs) === true
    : (row, timeMs) => left(row, timeMs) === true || right(row, timeMs) === true;
}

function compileUnary(op: "not" | "present" | "absolute" | "logarithm", operand: Evaluator): Evaluator {
  if (op === "not") return (row, timeMs) => operand(row, timeMs) !== true;
  if (op === "present") return (row, timeMs) => operand(row, timeMs) !== undefined;
  return (row, timeMs) => {
    const value = operand(row, timeMs);
    if (typeof value !== "number") return undefined;
    const result = op === "absolute" ? Math.abs(value) : Math.log1p(value);
    return Number.isFinite(result) ? result : undefined;
  };
}

/** Names of the event fields an expression reads, for column pruning and lineage. */
export function fieldsOf(node: ExpressionNode, into = new Set<string>()): Set<string> {
  if (node.op === "field") into.add(node.name);
  if ("left" in node) {
    fieldsOf(node.left, into);
    fieldsOf(node.right, into);
  }
  if ("operand" in node) fieldsOf(node.operand, into);
  return into;
}
