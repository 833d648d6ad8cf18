/**
 * Making and changing virtual keys. A secret is told once, when it is made; afterwards only its digest exists. A key
 * is never deleted, because usage names it: it is revoked.
 */
import { StrataError } from "../../../kernel/errors.ts";
import type { Clock } from "../../../kernel/clock.ts";
import type { IdSource } from "../../../kernel/ids.ts";
import type { BudgetLedger, KeyBalance, VirtualKeyRecord } from "../../../ports/budget-ledger.ts";
import type { KeyDirectory } from "./key-directory.ts";
import { secretHash, secretOf } from "./virtual-key.ts";

/** What may be chosen; undefined: no limit. */
export type KeyTerms = Pick<VirtualKeyRecord, "name" | "tenant" | "budgetNanoUsd" | "periodMs" | "requestsPerMinute" | "tokensPerMinute" | "models" | "expiresAtMs">;

/** A key as it may be shown: everything but the digest, with its balance now. */
export interface KeyView extends Omit<VirtualKeyRecord, "secretHash"> {
  readonly state: "active" | "expired" | "revoked";
  readonly balance: KeyBalance;
  /** What is left of the budget; undefined without one. */
  readonly leftNanoUsd: number | undefined;
}

export interface KeyWithSecret {
  readonly key: KeyView;
  /** Shown once. */
  readonly secret: string;
}

export interface KeyDesk {
  create(terms: KeyTerms): Promise<KeyWithSecret>;
  list(): Promise<readonly KeyView[]>;
  /** By id, or by a name that only one key has. KEY_NOT_FOUND. */
  show(id: string): Promise<KeyView>;
  update(id: string, changes: Partial<KeyTerms>): Promise<KeyView>;
  /** At once in this process, within two seconds in others. */
  revoke(id: string): Promise<KeyView>;
  /** A new secret for the same key; the old one is of no use any more. */
  rotate(id: string): Promise<KeyWithSecret>;
}

export interface KeyDeskOptions {
  readonly ledger: Pick<BudgetLedger, "putKey" | "keys" | "balance">;
  readonly directory: Pick<KeyDirectory, "forget">;
  readonly clock: Clock;
  readonly ids: IdSource;
  /** 32 bytes from a cryptographic source. */
  readonly secretBytes: () => Uint8Array;
}

export function createKeyDesk({ ledger, directory, clock, ids, secretBytes }: KeyDeskOptions): KeyDesk {
  const put = async (key: VirtualKeyRecord): Promise<void> => {
    await ledger.putKey(key);
    directory.forget();
  };
  const view = async ({ secretHash: _secretHash, ...key }: VirtualKeyRecord): Promise<KeyView> => {
    const nowMs = Math.floor(clock.now());
    const balance = await ledger.balance(key.id, nowMs);
    return { ...key, state: stateOf(key, nowMs), balance, leftNanoUsd: key.budgetNanoUsd === undefined ? undefined : Math.max(0, key.budgetNanoUsd - balance.spentNanoUsd - balance.reservedNanoUsd) };
  };
  const find = async (id: string): Promise<VirtualKeyRecord> => {
    const keys = await ledger.keys();
    const named = keys.filter((key) => key.name === id);
    const found = keys.find((key) => key.id === id) ?? (named.length === 1 ? named[0] : undefined);
    if (found === undefined) throw new StrataError("KEY_NOT_FOUND", { key: id });
    return found;
  };
  const freshSecret = (): { readonly secret: string; readonly secretHash: string } => {
    const secret = secretOf(secretBytes());
    return { secret, secretHash: secretHash(secret) };
  };
  return {
    create: async (terms) => {
      const { secret, secretHash } = freshSecret();
      const key: VirtualKeyRecord = { ...terms, id: `key_${ids.next()}`, secretHash, createdAtMs: Math.floor(clock.now()), isRevoked: false };
      await put(key);
      return { key: await view(key), secret };
    },
    list: async () => Promise.all((await ledger.keys()).map(view)),
    show: async (id) => view(await find(id)),
    update: async (id, changes) => {
      const key = { ...await find(id), ...changes };
      await put(key);
      return view(key);
    },
    revoke: async (id) => {
      const key = { ...await find(id), isRevoked: true };
      await put(key);
      return view(key);
    },
    rotate: async (id) => {
      const { secret, secretHash } = freshSecret();
      const key = { ...await find(id), secretHash };
      await put(key);
      return { key: await view(key), secret };
    },
  };
}

function stateOf({ isRevoked, expiresAtMs }: Pick<VirtualKeyRecord, "isRevoked" | "expiresAtMs">, nowMs: number): KeyView["state"] {
  if (isRevoked) return "revoked";
  return expiresAtMs !== undefined && expiresAtMs <= nowMs ? "expired" : "active";
}
