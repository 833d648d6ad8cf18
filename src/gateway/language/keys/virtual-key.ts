/**
 * Virtual keys as plain data: the secret's form, and whether a key may do what it is asked to. A secret is 256 bits
 * of chance, so one SHA-256 protects it at rest; a slow hash is for words that people choose.
 */
import { hash } from "node:crypto";
import { StrataError } from "../../../kernel/errors.ts";
import type { VirtualKeyRecord } from "../../../ports/budget-ledger.ts";

export const SECRET_PREFIX = "sk-strata-";

/** `bytes`: 32 from a cryptographic source. */
export function secretOf(bytes: Uint8Array): string {
  return SECRET_PREFIX + Buffer.from(bytes).toString("base64url");
}

/** What the ledger keeps of a secret. */
export function secretHash(secret: string): string {
  return hash("sha256", secret, "hex");
}

/** The caller without a key, where none is required: unlimited, but its usage is booked. Its hash is no hash of anything. */
export const LOCAL_KEY: VirtualKeyRecord = Object.freeze({
  id: "local", name: "local", tenant: "local", secretHash: "", budgetNanoUsd: undefined, periodMs: undefined,
  requestsPerMinute: undefined, tokensPerMinute: undefined, models: [], createdAtMs: 0, expiresAtMs: undefined, isRevoked: false,
});

/** KEY_INVALID when the key is of no use any more. */
export function requireUsable(key: VirtualKeyRecord, nowMs: number): void {
  if (key.isRevoked) throw new StrataError("KEY_INVALID", { reason: `"${key.name}" was revoked.` });
  if (key.expiresAtMs !== undefined && key.expiresAtMs <= nowMs) throw new StrataError("KEY_INVALID", { reason: `"${key.name}" expired at ${new Date(key.expiresAtMs).toISOString()}.` });
}

/** KEY_FORBIDDEN when the key names models and this is none of them. */
export function requireModel(key: VirtualKeyRecord, model: string): void {
  if (key.models.length === 0 || key.models.includes(model)) return;
  throw new StrataError("KEY_FORBIDDEN", { key: key.name, model, allowed: key.models.join(", ") });
}
