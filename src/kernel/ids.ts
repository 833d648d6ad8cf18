/**
 * Sortable unique ids in the shape of a ULID (48-bit time, 80 bits of chance, Crockford base32):
 * ids made later sort later, also within one millisecond.
 */
import type { Clock } from "./clock.ts";

const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

export interface IdSource {
  next(): string;
}

/** `random` gives uniform numbers in [0, 1): a seeded one in tests, Math.random in production. */
export function createIdSource(clock: Clock, random: () => number): IdSource {
  let lastMs = -1;
  let tail: number[] = [];
  return {
    next: () => {
      const nowMs = Math.max(clock.now(), lastMs);
      if (nowMs === lastMs) increment(tail);
      else tail = Array.from({ length: 16 }, () => Math.floor(random() * 32));
      lastMs = nowMs;
      return encodeTime(nowMs) + tail.map((digit) => ALPHABET[digit]).join("");
    },
  };
}

function increment(digits: number[]): void {
  for (let i = digits.length - 1; i >= 0; i--) {
    digits[i] = (digits[i]! + 1) % 32;
    if (digits[i] !== 0) return;
  }
}

function encodeTime(timeMs: number): string {
  let rest = Math.max(0, Math.floor(timeMs));
  let text = "";
  for (let i = 0; i < 10; i++) {
    text = ALPHABET[rest % 32]! + text;
    rest = Math.floor(rest / 32);
  }
  return text;
}
