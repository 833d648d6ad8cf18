/**
 * The guardrails of one call, as the pipeline uses them: `open` once per call, `checkRequest` before the upstream is
 * asked, `createAnswerGuard` for each answer (one per choice). Guardrails look at the request in the order of the
 * definition and at the answer in the opposite order, like layers around the model. A refusal is GUARDRAIL_REFUSED
 * with the guardrail's name; a guardrail that fails lets nothing through; every verdict is counted.
 */
import { createHmac } from "node:crypto";
import type { CallGuardrail, Guardrail, GuardrailCall, GuardrailMessage } from "../../../define/index.ts";
import { StrataError } from "../../../kernel/errors.ts";
import type { Meter } from "../../../ports/telemetry.ts";
import { answerStage, type AnswerStage, type AnswerVerdict } from "./answer-stage.ts";

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

export interface GuardrailRunner {
  open(guardrails: readonly Guardrail[]): GuardedCall;
}

export interface GuardrailRunnerOptions {
  readonly meter: Meter;
  /** 32 bytes from a cryptographic source, new in each process: what makes secret words unforeseeable. */
  readonly secret: Uint8Array;
}

interface NamedGuardrail {
  readonly name: string;
  readonly holdsBack: "all" | number;
  readonly checks: CallGuardrail;
}

export function createGuardrailRunner({ meter, secret }: GuardrailRunnerOptions): GuardrailRunner {
  const verdicts = meter.counter("strata_guardrail_verdicts_total", "Verdicts by guardrail, place (request or answer) and verdict: pass, change, refuse or failed.");
  const call: GuardrailCall = { secretWord: (text) => createHmac("sha256", secret).update(text).digest("hex").slice(0, 12) };
  const count: CountVerdict = (guardrail, place, verdict) => verdicts.add(1, { guardrail, place, verdict });
  return {
    open: (guardrails) => {
      const named = guardrails.map((guardrail): NamedGuardrail => ({ name: guardrail.name, holdsBack: guardrail.holdsBack ?? "all", checks: guardrail.forCall?.(call) ?? guardrail }));
      const forRequest = named.filter(({ checks }) => checks.checkRequest !== undefined);
      const forAnswer = named.filter(({ checks }) => checks.checkAnswer !== undefined || checks.answerFilter !== undefined).toReversed();
      const createAnswerGuard = (): AnswerGuard => answerGuard(forAnswer, count);
      return {
        checksRequest: forRequest.length > 0, checksAnswer: forAnswer.length > 0,
        checkRequest: (messages) => checkRequest(forRequest, messages, count),
        createAnswerGuard,
        checkAnswer: async (text) => {
          const guard = createAnswerGuard();
          return await guard.push(text) + await guard.end();
        },
      };
    },
  };
}

type CountVerdict = (guardrail: string, place: "request" | "answer", verdict: AnswerVerdict["action"] | "failed") => void;

async function checkRequest(guardrails: readonly NamedGuardrail[], messages: readonly GuardrailMessage[], count: CountVerdict): Promise<readonly string[]> {
  let current = messages;
  for (const { name, checks } of guardrails) {
    const verdict = await counted(() => checks.checkRequest!(current), () => count(name, "request", "failed")); // those without were filtered out
    count(name, "request", verdict.action);
    if (verdict.action === "refuse") throw new StrataError("GUARDRAIL_REFUSED", { guardrail: name, place: "request", reason: verdict.reason });
    if (verdict.action !== "change") continue;
    if (verdict.texts.length !== current.length) throw new StrataError("INTERNAL", { reason: `guardrail ${name} gave ${verdict.texts.length} texts for ${current.length} messages` });
    current = current.map((message, i) => ({ ...message, text: verdict.texts[i]! }));
  }
  return current.map(({ text }) => text);
}

/** The stages in a row: what one lets out goes into the next. */
function answerGuard(guardrails: readonly NamedGuardrail[], count: CountVerdict): AnswerGuard {
  const stages = guardrails.map(({ name, holdsBack, checks }) => ({ name, stage: answerStage(checks, holdsBack), isOver: false }));
  const over = (name: string, verdict: AnswerVerdict): void => {
    count(name, "answer", verdict.action);
    if (verdict.action === "refuse") throw new StrataError("GUARDRAIL_REFUSED", { guardrail: name, place: "answer", reason: verdict.reason });
  };
  const run = async (piece: string, isEnd: boolean): Promise<string> => {
    let text = piece;
    for (const one of stages) {
      text = await counted(() => through(one.stage, text, isEnd), () => count(one.name, "answer", "failed"));
      const verdict = one.stage.verdict();
      if (isEnd || verdict.action === "refuse") over(one.name, verdict);
    }
    return text;
  };
  return { push: (piece) => run(piece, false), end: () => run("", true) };
}

async function through(stage: AnswerStage, text: string, isEnd: boolean): Promise<string> {
  const out = text === "" ? "" : await stage.push(text);
  return isEnd && stage.verdict().action !== "refuse" ? out + await stage.end() : out;
}

async function counted<T>(work: () => T | Promise<T>, failed: () => void): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    failed();
    throw thrown;
  }
}
