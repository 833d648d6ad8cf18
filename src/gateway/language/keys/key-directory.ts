/**
 * Whose secret is it? Answers from memory for two seconds, then from the ledger: a key that another process revoked
 * or changed is noticed within that time, in this process at once. Only digests are compared and looked up, so how
 * long a look-up takes says nothing about a secret.
 */
import { timingSafeEqual } from "node:crypto";
import { StrataError } from "../../../kernel/errors.ts";
import type { Clock } from "../../../kernel/clock.ts";
import type { BudgetLedger, VirtualKeyRecord } from "../../../ports/budget-ledger.ts";
import { LOCAL_KEY, SECRET_PREFIX, requireUsable, secretHash } from "./virtual-key.ts";

export interface KeyDirectory {
  /** The usable key of a secret: KEY_MISSING, KEY_INVALID. */
  keyOf(secret: string | undefined): Promise<VirtualKeyRecord>;
  /** Asks the ledger again next time. */
  forget(): void;
}

export interface KeyDirectoryOptions {
  readonly ledger: Pick<BudgetLedger, "keyByHash">;
  readonly clock: Clock;
  /** false: who sends no key of ours is the built-in key "local" (many clients insist on sending something). A key of ours must be valid always. */
  readonly requireKeys: boolean;
  /** Default 2,000 ms. */
  readonly staleAfterMs?: number;
}

/** Unknown secrets are remembered too, so that guessing costs the ledger little; beyond this the oldest are dropped. */
const MOST_KEPT = 10_000;

interface Kept {
  readonly key: VirtualKeyRecord | undefined;
  readonly atMs: number;
}

export function createKeyDirectory({ ledger, clock, requireKeys, staleAfterMs = 2_000 }: KeyDirectoryOptions): KeyDirectory {
  const kept = new Map<string, Kept>();
  const loading = new Map<string, Promise<VirtualKeyRecord | undefined>>();
  let generation = 0;

  const load = async (hash: string): Promise<VirtualKeyRecord | undefined> => {
    const begun = generation;
    const atMs = clock.monotonicMs();
    const found = await ledger.keyByHash(hash);
    const key = found !== undefined && timingSafeEqual(Buffer.from(found.secretHash), Buffer.from(hash)) ? found : undefined;
    if (begun === generation) {
      kept.delete(hash);
      kept.set(hash, { key, atMs });
      if (kept.size > MOST_KEPT) kept.delete(kept.keys().next().value!);
    }
    return key;
  };
  const lookUp = async (hash: string): Promise<VirtualKeyRecord | undefined> => {
    const known = kept.get(hash);
    if (known !== undefined && clock.monotonicMs() - known.atMs < staleAfterMs) return known.key;
    let loaded = loading.get(hash);
    if (loaded === undefined) loading.set(hash, loaded = load(hash).finally(() => loading.delete(hash)));
    return loaded;
  };
  return {
    keyOf: async (secret) => {
      if (!requireKeys && !secret?.startsWith(SECRET_PREFIX)) return LOCAL_KEY;
      if (secret === undefined) throw new StrataError("KEY_MISSING");
      const key = await lookUp(secretHash(secret));
      if (key === undefined) throw new StrataError("KEY_INVALID", { reason: "nobody has it." });
      requireUsable(key, clock.now());
      return key;
    },
    forget: () => {
      generation += 1;
      kept.clear();
      loading.clear();
    },
  };
}
