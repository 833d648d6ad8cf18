/**
 * One guardrail over one answer that arrives piece by piece: lets out what may leave and remembers its verdict. Three
 * kinds: the guardrail's own filter, a window that holds back a number of characters, or the whole answer at once.
 */
import type { CallGuardrail, FilteredText, GuardrailVerdict } from "../../../define/index.ts";
import { StrataError } from "../../../kernel/errors.ts";

export type AnswerVerdict = { readonly action: "pass" } | { readonly action: "change" | "refuse"; readonly reason: string };

export interface AnswerStage {
  push(text: string): string | Promise<string>;
  end(): string | Promise<string>;
  /** So far; after "refuse" nothing may leave. */
  verdict(): AnswerVerdict;
}

const PASS: AnswerVerdict = { action: "pass" };

export function answerStage(checks: CallGuardrail, holdsBack: "all" | number): AnswerStage {
  if (checks.answerFilter !== undefined) return filterStage(checks.answerFilter());
  return holdsBack === "all" ? wholeStage(checks.checkAnswer!) : windowStage(checks.checkAnswer!, holdsBack); // the caller chose those that check answers
}

function filterStage(filter: ReturnType<NonNullable<CallGuardrail["answerFilter"]>>): AnswerStage {
  let verdict = PASS;
  const note = (filtered: FilteredText): string => {
    if (filtered.verdict !== undefined) verdict = filtered.verdict;
    return verdict.action === "refuse" ? "" : filtered.text;
  };
  return { push: (text) => note(filter.push(text)), end: () => note(filter.end()), verdict: () => verdict };
}

type CheckAnswer = NonNullable<CallGuardrail["checkAnswer"]>;

function wholeStage(check: CheckAnswer): AnswerStage {
  const pieces: string[] = [];
  let verdict = PASS;
  return {
    push: (text) => {
      pieces.push(text);
      return "";
    },
    end: async () => {
      const text = pieces.join("");
      const checked = await check(text, { before: "", isEnd: true });
      verdict = summaryOf(checked);
      return outcomeOf(checked, text);
    },
    verdict: () => verdict,
  };
}

/** Checks what has not left yet, each time something comes, and lets out all but the last `held` characters. */
function windowStage(check: CheckAnswer, held: number): AnswerStage {
  let before = "";
  let waiting = "";
  let verdict = PASS;
  const look = async (isEnd: boolean): Promise<string> => {
    const checked = await check(waiting, { before, isEnd });
    if (checked.action !== "pass") verdict = summaryOf(checked);
    waiting = outcomeOf(checked, waiting);
    const cut = isEnd ? waiting.length : wholeCharacters(waiting, waiting.length - held);
    const out = waiting.slice(0, cut);
    waiting = waiting.slice(cut);
    before = (before + out).slice(-Math.max(1, held));
    return out;
  };
  return {
    push: (text) => {
      waiting += text;
      return look(false);
    },
    end: () => look(true),
    verdict: () => verdict,
  };
}

/** A cut that does not fall between the two halves of a character beyond the basic plane. */
export function wholeCharacters(text: string, cut: number): number {
  if (cut <= 0) return 0;
  const code = text.charCodeAt(cut);
  return code >= 0xdc00 && code <= 0xdfff ? cut - 1 : cut;
}

function summaryOf(verdict: GuardrailVerdict): AnswerVerdict {
  return verdict.action === "pass" ? PASS : { action: verdict.action, reason: verdict.reason };
}

function outcomeOf(verdict: GuardrailVerdict, text: string): string {
  if (verdict.action === "refuse") return "";
  if (verdict.action === "pass") return text;
  if (verdict.texts.length !== 1) throw new StrataError("INTERNAL", { reason: `a guardrail gave ${verdict.texts.length} texts for one answer` });
  return verdict.texts[0]!;
}
