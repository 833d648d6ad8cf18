/** An expression as people write it, for sentences: `price × quantity ≥ 10`. */
import type { ExpressionNode } from "./expression.ts";

const SIGNS = {
  add: "+", subtract: "−", multiply: "×", divide: "/", equals: "=", less: "<", atMost: "≤", greater: ">", atLeast: "≥", and: "and", or: "or",
} as const;

export function expressionText(node: ExpressionNode): string {
  switch (node.op) {
    case "field": return node.name;
    case "eventTime": return "event time";
    case "constant": return typeof node.value === "string" ? `"${node.value}"` : String(node.value);
    case "not": return `not ${operandText(node.operand)}`;
    case "present": return `${operandText(node.operand)} is there`;
    case "absolute": return `|${expressionText(node.operand)}|`;
    case "logarithm": return `log(1 + ${expressionText(node.operand)})`;
    case "oneOf": return `${operandText(node.operand)} in (${node.values.join(", ")})`;
    default: return `${operandText(node.left)} ${SIGNS[node.op]} ${operandText(node.right)}`;
  }
}

/** In brackets when it has parts of its own. */
function operandText(node: ExpressionNode): string {
  return "left" in node ? `(${expressionText(node)})` : expressionText(node);
}
