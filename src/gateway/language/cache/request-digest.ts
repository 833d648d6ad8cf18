/**
 * What makes two requests the same: everything that reaches the upstream, in any order of members, except how the
 * answer is delivered. Full SHA-256 digests, so that two different requests never share an answer.
 */
import { hashOf } from "../../../kernel/hash.ts";
import type { AnswerQuestion } from "./answer-cache.ts";

/** Of the whole request. */
export function exactDigest(question: AnswerQuestion): string {
  return digestOf(question, withoutDelivery(question.body));
}

export interface SimilarQuestion {
  /** Of everything but the text: tenant, model, tools, system prompt, earlier turns, parameters. */
  readonly partition: string;
  /** The last user text. */
  readonly text: string;
}

/** Undefined when the request does not end with plain text of a user. */
export function similarQuestion(question: AnswerQuestion): SimilarQuestion | undefined {
  const { messages } = question.body;
  if (!Array.isArray(messages)) return undefined;
  const last: unknown = messages.at(-1);
  if (!isUserText(last)) return undefined;
  const rest = { ...withoutDelivery(question.body), messages: [...(messages as unknown[]).slice(0, -1), { ...last, content: null }] };
  return { partition: digestOf(question, rest), text: last.content };
}

function digestOf({ tenant, model, operation }: AnswerQuestion, body: Readonly<Record<string, unknown>>): string {
  const targets = model.targets.map((target) => [target.upstream.name, target.upstream.url, target.model]);
  return hashOf({ tenant, model: model.name, targets, operation, body });
}

function withoutDelivery({ stream: _stream, stream_options: _options, ...body }: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return body;
}

function isUserText(message: unknown): message is { readonly role: "user"; readonly content: string } {
  return typeof message === "object" && message !== null && "role" in message && message.role === "user" && "content" in message && typeof message.content === "string" && message.content.trim() !== "";
}
