/**
 * The answer must be JSON that fits a schema; else it is refused, and the caller never sees a half of it. A fence of
 * Markdown around the JSON, which models like to add, is taken off.
 */
import { z } from "zod";
import { reasonOf } from "../kernel/errors.ts";
import type { Guardrail, GuardrailVerdict } from "./guardrail.ts";

export function answerSchema(schema: z.ZodType, { name = "answer-schema" }: { readonly name?: string } = {}): Guardrail {
  const checkAnswer = (text: string): GuardrailVerdict => {
    const bare = withoutFence(text);
    let value: unknown;
    try {
      value = JSON.parse(bare);
    } catch (thrown) {
      return { action: "refuse", reason: `it is no JSON: ${reasonOf(thrown)}` };
    }
    const parsed = schema.safeParse(value);
    if (!parsed.success) return { action: "refuse", reason: `it does not fit the schema: ${parsed.error.issues.slice(0, 3).map(({ path, message }) => `${path.join(".") || "answer"}: ${message}`).join("; ")}` };
    return bare === text ? { action: "pass" } : { action: "change", texts: [bare], reason: "the fence around the JSON was taken off" };
  };
  const described = z.toJSONSchema(schema, { io: "input", unrepresentable: "any" });
  return Object.freeze({ kind: "guardrail" as const, name, parameters: Object.freeze({ schema: described }), checkAnswer, holdsBack: "all" as const });
}

function withoutFence(text: string): string {
  return /^\s*```(?:json)?\s*\n(?<json>[\s\S]*?)\n\s*```\s*$/.exec(text)?.groups?.["json"] ?? text;
}
