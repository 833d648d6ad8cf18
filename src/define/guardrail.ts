/** A guardrail looks at what goes into a language model and what comes out, and may change or refuse it. */

export interface GuardrailMessage {
  readonly role: "system" | "developer" | "user" | "assistant" | "tool";
  readonly text: string;
}

export type GuardrailVerdict =
  | { readonly action: "pass" }
  /** The same messages (or text) with something taken out, such as personal data. */
  | { readonly action: "change"; readonly texts: readonly string[]; readonly reason: string }
  | { readonly action: "refuse"; readonly reason: string };

export interface Guardrail {
  readonly kind: "guardrail";
  readonly name: string;
  /** Plain data that says what it does, for the definition's document. */
  readonly parameters: Readonly<Record<string, unknown>>;
  /** Before the call. `texts` of a change belong to the messages, one each. */
  readonly checkRequest?: (messages: readonly GuardrailMessage[]) => GuardrailVerdict;
  /** A whole answer; a stream is held back as far as `holdsBack` says. */
  readonly checkAnswer?: (text: string) => GuardrailVerdict;
  /** How a stream is handled: "all" buffers the whole answer before the caller sees any of it; a number holds back that many characters. Default "all". */
  readonly holdsBack?: "all" | number;
}
