/**
 * Sticky: calls that belong to one sequence go to one replica, because its state lives there. Rendezvous hashing
 * (Thaler & Ravishankar 1998): when a replica leaves, only its own sequences move.
 */
import { hash32 } from "../../kernel/random.ts";

/** The index of the replica that owns the key; -1 when there is none. */
export function pickSticky(names: readonly string[], key: string): number {
  let [best, highest] = [-1, -1];
  for (let index = 0; index < names.length; index++) {
    const score = hash32(`${names[index]!}:${key}`);
    if (score > highest) [best, highest] = [index, score];
  }
  return best;
}
