/**
 * The guardrails of one call, as the pipeline uses them: `openGuardedCall` once per call, `checkRequest` before the
 * upstream is asked, `createAnswerGuard` for each answer (one per choice). Guardrails look at the request in the
 * order of the definition and at the answer in the opposite order, like layers around the model. A refusal is
 * GUARDRAIL_REFUSED with the guardrail's name; every verdict is counted.
 */
import type { GuardrailMessage } from "../../../define/guardrail.ts";

export interface GuardedCall {
  /** False when there is nothing to do: the pipeline may then pass bytes through. */
  readonly checksRequest: boolean;
  readonly checksAnswer: boolean;
  /** The texts as they may go upstream, one per message, in the same order. GUARDRAIL_REFUSED. */
  checkRequest(messages: readonly GuardrailMessage[]): Promise<readonly string[]>;
  createAnswerGuard(): AnswerGuard;
  /** A whole answer at once. GUARDRAIL_REFUSED. */
  checkAnswer(text: string): Promise<string>;
}

export interface AnswerGuard {
  /** A piece of the answer in; what may leave now out ("" while it is held back). GUARDRAIL_REFUSED: nothing more may leave. */
  push(piece: string): Promise<string>;
  /** The answer has ended; what was held back comes out. GUARDRAIL_REFUSED. */
  end(): Promise<string>;
}
