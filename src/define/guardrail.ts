/**
 * A guardrail looks at what goes into a language model and what comes out, and may change or refuse it. The plain
 * form is two functions of text; what needs memory over one call, or wants to let a stream flow, implements more.
 */

export interface GuardrailMessage {
  readonly role: "system" | "developer" | "user" | "assistant" | "tool";
  readonly text: string;
}

export type GuardrailVerdict =
  | { readonly action: "pass" }
  /** The same messages (or text) with something taken out, such as personal data. */
  | { readonly action: "change"; readonly texts: readonly string[]; readonly reason: string }
  | { readonly action: "refuse"; readonly reason: string };

type Awaitable<T> = T | Promise<T>;

export interface GuardrailChecks {
  /** Before the call. `texts` of a change belong to the messages, one each. */
  readonly checkRequest?: (messages: readonly GuardrailMessage[]) => Awaitable<GuardrailVerdict>;
  /** A whole answer; a stream is held back as far as `holdsBack` says. `texts` of a change is one text. */
  readonly checkAnswer?: (text: string, part?: AnswerPart) => Awaitable<GuardrailVerdict>;
}

/** Where in a stream the text that is checked lies; a whole answer has nothing before it and is the end. */
export interface AnswerPart {
  /** What the caller already has: at most as many characters as are held back. */
  readonly before: string;
  readonly isEnd: boolean;
}

/** What a guardrail may know of the call it is made for. */
export interface GuardrailCall {
  /** A short word that nobody outside this process can foresee; the same for the same text, so that equal requests stay equal. */
  readonly secretWord: (text: string) => string;
}

/** Takes the pieces of a stream and gives out what may leave. Raising, or "refuse" from it, ends the stream. */
export interface AnswerFilter {
  push(piece: string): FilteredText;
  end(): FilteredText;
}

export interface FilteredText {
  /** May leave now; "" while everything is held back. */
  readonly text: string;
  /** Set when something was changed or the rest must not leave. */
  readonly verdict?: { readonly action: "change" | "refuse"; readonly reason: string };
}

export interface CallGuardrail extends GuardrailChecks {
  /** Instead of `checkAnswer` for streams and whole answers: decides itself how much it holds back. */
  readonly answerFilter?: () => AnswerFilter;
}

export interface Guardrail extends GuardrailChecks {
  readonly kind: "guardrail";
  readonly name: string;
  /** Plain data that says what it does, for the definition's document. */
  readonly parameters: Readonly<Record<string, unknown>>;
  /** How a stream is handled: "all" buffers the whole answer before the caller sees any of it; a number holds back that many characters. Default "all". */
  readonly holdsBack?: "all" | number;
  /** Memory of one call, such as which placeholder stands for what; its members take the place of the ones above. */
  readonly forCall?: (call: GuardrailCall) => CallGuardrail;
}

export interface GuardrailOptions extends GuardrailChecks {
  readonly parameters?: Readonly<Record<string, unknown>>;
  readonly holdsBack?: "all" | number;
  readonly forCall?: (call: GuardrailCall) => CallGuardrail;
}

/** A guardrail of your own: functions of text. */
export function defineGuardrail(name: string, options: GuardrailOptions): Guardrail {
  return Object.freeze({ kind: "guardrail" as const, name, ...options, parameters: Object.freeze({ ...options.parameters }) });
}
