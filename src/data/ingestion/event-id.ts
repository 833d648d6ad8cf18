/**
 * Ids of records in a stream's log. Events bring their own ("order-7"); those without one get an id that tells where
 * it came from, so that no two kinds can meet: `key:<idempotency key>.<n>`, `letter:<dead letter>`, `auto:<unique>.<n>`.
 * An event's own id that looks like one of these is kept as `id:<id>`.
 */
import type { Problem } from "../../kernel/errors.ts";

const MAX_CHARACTERS = 512;
const KIND = /^(?:id|key|letter|auto):/;

/** The record id of an event's own id; undefined when it has none; or what is wrong with it. */
export function ownId(value: unknown, path: string): string | undefined | Problem {
  if (typeof value === "string") return textId(value, path);
  if (typeof value === "number" || typeof value === "bigint") return String(value);
  if (value === undefined || value === null) return undefined;
  return refuse(path, "must be text or a number");
}

function textId(value: string, path: string): string | undefined | Problem {
  if (value === "") return undefined;
  if (value.length > MAX_CHARACTERS) return refuse(path, `has ${value.length} characters; an event id may have ${MAX_CHARACTERS}`);
  if (!value.isWellFormed()) return refuse(path, "is not well-formed Unicode text");
  return KIND.test(value) ? `id:${value}` : value;
}

export function keyId(idempotencyKey: string, index: number): string {
  return `key:${idempotencyKey}.${index}`;
}

export function letterId(deadLetterId: string): string {
  return `letter:${deadLetterId}`;
}

/** For events that nobody identified; never compared with others. */
export function automaticId(unique: string, index: number): string {
  return `auto:${unique}.${index}`;
}

export function isAutomatic(id: string): boolean {
  return id.startsWith("auto:");
}

function refuse(path: string, message: string): Problem {
  return { path, message, code: "invalid id" };
}
