/**
 * Takes personal data out of what goes to a language model: each value becomes a placeholder such as [EMAIL_1], the
 * same value the same placeholder within one call, so that the model can still tell people apart. In the answer the placeholders can
 * become the values again, and personal data that the model brings up itself is masked. Streams flow: only what may
 * still become a match is held back.
 */
import { findPersonalData, openEnd, PERSONAL_DATA_KINDS, type PersonalDataKind } from "./guardrail-personal-data-patterns.ts";
import type { AnswerFilter, CallGuardrail, FilteredText, Guardrail, GuardrailVerdict } from "./guardrail.ts";

export interface RedactPersonalDataOptions {
  /** Default "personal-data". */
  readonly name?: string;
  /** Default: all of them. */
  readonly kinds?: readonly PersonalDataKind[];
  /** The caller gets the values back where the model used their placeholders. Default false. */
  readonly restoresAnswer?: boolean;
  /** Personal data in the model's own words is masked too. Default true. */
  readonly masksAnswer?: boolean;
}

export function redactPersonalData(options: RedactPersonalDataOptions = {}): Guardrail {
  const { name = "personal-data", kinds = PERSONAL_DATA_KINDS, restoresAnswer = false, masksAnswer = true } = options;
  const forCall = (): CallGuardrail => {
    const placeholders = createPlaceholders(kinds);
    const checkRequest = (messages: readonly { readonly text: string }[]): GuardrailVerdict => {
      const texts = messages.map(({ text }) => placeholders.redact(text));
      const found = placeholders.count();
      return found === 0 ? { action: "pass" } : { action: "change", texts, reason: `${found} personal ${found === 1 ? "value" : "values"} replaced` };
    };
    if (!restoresAnswer && !masksAnswer) return { checkRequest };
    return { checkRequest, answerFilter: () => answerFilter(placeholders, { kinds, restoresAnswer, masksAnswer }) };
  };
  return Object.freeze({ kind: "guardrail" as const, name, parameters: Object.freeze({ kinds, restoresAnswer, masksAnswer }), forCall });
}

interface Placeholders {
  redact(text: string): string;
  /** The value of a placeholder. */
  valueOf(placeholder: string): string | undefined;
  count(): number;
}

function createPlaceholders(kinds: readonly PersonalDataKind[]): Placeholders {
  const byValue = new Map<string, string>();
  const byPlaceholder = new Map<string, string>();
  const counts = new Map<PersonalDataKind, number>();
  const placeholderOf = (kind: PersonalDataKind, value: string): string => {
    const known = byValue.get(value);
    if (known !== undefined) return known;
    const count = (counts.get(kind) ?? 0) + 1;
    counts.set(kind, count);
    const placeholder = `[${kind.toUpperCase()}_${count}]`;
    byValue.set(value, placeholder);
    byPlaceholder.set(placeholder, value);
    return placeholder;
  };
  return {
    redact: (text) => replaceFound({ text, before: "" }, kinds, placeholderOf),
    valueOf: (placeholder) => byPlaceholder.get(placeholder),
    count: () => byValue.size,
  };
}

/** `before`: the character that the text follows, which may tell that something is no number of its own. */
function replaceFound({ text, before }: { readonly text: string; readonly before: string }, kinds: readonly PersonalDataKind[], replacement: (kind: PersonalDataKind, value: string) => string): string {
  const whole = before + text;
  let out = "";
  let end = before.length;
  for (const found of findPersonalData(whole, kinds, before.length)) {
    out += whole.slice(end, found.start) + replacement(found.kind, whole.slice(found.start, found.end));
    end = found.end;
  }
  return out + whole.slice(end);
}

/** A placeholder that is not closed yet: "[EMA", "[EMAIL_1". */
const OPEN_PLACEHOLDER = /\[[A-Z_]{0,16}\d{0,6}$/;
const PLACEHOLDER = /\[[A-Z_]{1,16}_\d{1,6}\]/g;

interface AnswerOptions {
  readonly kinds: readonly PersonalDataKind[];
  readonly restoresAnswer: boolean;
  readonly masksAnswer: boolean;
}

function answerFilter(placeholders: Placeholders, { kinds, restoresAnswer, masksAnswer }: AnswerOptions): AnswerFilter {
  let before = "";
  let held = "";
  let masked = 0;
  const mask = (kind: PersonalDataKind): string => {
    masked += 1;
    return `[${kind.toUpperCase()}]`;
  };
  const outOf = (text: string): FilteredText => {
    const safe = masksAnswer ? replaceFound({ text, before }, kinds, mask) : text;
    const restored = restoresAnswer ? safe.replaceAll(PLACEHOLDER, (placeholder) => placeholders.valueOf(placeholder) ?? placeholder) : safe;
    return { text: restored, ...(masked === 0 ? {} : { verdict: { action: "change" as const, reason: `${masked} personal ${masked === 1 ? "value" : "values"} masked` } }) };
  };
  const cutOf = (text: string): number => Math.min(masksAnswer ? openEnd(text) : text.length, restoresAnswer ? OPEN_PLACEHOLDER.exec(text)?.index ?? text.length : text.length);
  return {
    push: (piece) => {
      held += piece;
      const cut = cutOf(held);
      const out = held.slice(0, cut);
      held = held.slice(cut);
      const left = outOf(out);
      before = out.slice(-1) || before;
      return left;
    },
    end: () => outOf(held),
  };
}
