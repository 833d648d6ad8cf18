/**
 * Who owns which event id, over requests that are under way at the same time. The first request to bring an id claims
 * it; a later one with the same id waits until the first is durable before it may say "duplicate". When the first
 * fails, its ids are free again and those that waited fail with it.
 */
import type { DraftRecord } from "./draft.ts";
import { MAX_CLAIM } from "./recent-ids.ts";
import type { RecentIds } from "./recent-ids.ts";

export interface Claimed {
  /** Positions in the draft of the records that are new, ascending. */
  readonly fresh: readonly number[];
  /**
   * Resolves when every duplicate's first event is durable; rejects when one of them was not stored. undefined when
   * none is under way. A request waits only for requests that claimed before it, so waiting before storing cannot deadlock.
   */
  readonly others: Promise<unknown> | undefined;
  /** Ends the claim; with a failure, its ids are free again. */
  settle(failure?: { readonly error: unknown }): void;
}

export interface IdClaims {
  claim(records: readonly DraftRecord[]): Claimed;
  /** Notes an id found in the log. */
  remember(id: string): void;
}

/** The claim of everything that was in the log at opening. */
const DURABLE = 1;

export function createIdClaims(recent: RecentIds): IdClaims {
  const underWay = new Map<number, Promise<void>>();
  let lastClaim = DURABLE;

  const newClaim = (): number => {
    do lastClaim = lastClaim === MAX_CLAIM ? DURABLE + 1 : lastClaim + 1; // after 4 billion requests numbers come round again
    while (underWay.has(lastClaim));
    return lastClaim;
  };

  return {
    remember: (id) => void recent.claim(id, DURABLE),
    claim: (records) => {
      const claim = newClaim();
      const fresh: number[] = [];
      const waitFor = new Set<Promise<void>>();
      for (let at = 0; at < records.length; at++) {
        const { id } = records[at]!;
        const holder = id === "" ? 0 : recent.claim(id, claim);
        if (holder === 0) fresh.push(at);
        else if (holder !== claim) addIfPresent(waitFor, underWay.get(holder));
      }
      const done = Promise.withResolvers<void>();
      done.promise.catch(() => undefined); // usually nobody waits
      underWay.set(claim, done.promise);
      return {
        fresh,
        others: waitFor.size === 0 ? undefined : Promise.all(waitFor),
        settle: (failure) => {
          underWay.delete(claim);
          if (failure === undefined) return done.resolve();
          for (const at of fresh) if (records[at]!.id !== "") recent.release(records[at]!.id);
          done.reject(failure.error);
        },
      };
    },
  };
}

function addIfPresent<T>(set: Set<T>, item: T | undefined): void {
  if (item !== undefined) set.add(item);
}
