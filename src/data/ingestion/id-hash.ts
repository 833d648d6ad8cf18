/**
 * 96-bit keyed hashes of event ids: HalfSipHash-1-3 (Aumasson & Bernstein, "SipHash: a fast short-input PRF", 2012; the
 * 32-bit variant) over UTF-16 code units, finalised three times for 96 bits. The key is secret and new in each process,
 * so nobody can prepare ids that collide.
 *
 * Bound: among n remembered ids an unseen id is taken for a duplicate with probability n / 2^96: for 2 million
 * remembered ids 2^-75, that is once in 10^12 events with probability 2^-35.
 */

/** Writes the three words of the id's hash. */
export type IdHash = (id: string, into: Uint32Array) => void;

/** Rounds after the last word, per 32 bits of output. */
const FINAL_ROUNDS = 3;

export function createIdHash(key0: number, key1: number): IdHash {
  return (id, into) => {
    let v0 = key0, v1 = key1 ^ 0xee, v2 = 0x6c796765 ^ key0, v3 = 0x74656462 ^ key1;
    const words = (id.length + 1) >> 1;
    const lastWord = words + 1;
    const steps = lastWord + 3 * FINAL_ROUNDS;
    for (let step = 0; step < steps; step++) {
      let word = 0;
      if (step < words) word = id.charCodeAt(step * 2) | (id.charCodeAt(step * 2 + 1) << 16); // past the end NaN, which is 0 here
      else if (step === words) word = id.length; // so that "a" and "a\0" differ
      else if (step === lastWord) v2 ^= 0xee;
      else if (step === lastWord + FINAL_ROUNDS) v1 ^= 0xdd;
      else if (step === lastWord + 2 * FINAL_ROUNDS) v1 ^= 0xbb;
      v3 ^= word;
      v0 = (v0 + v1) | 0; v1 = (v1 << 5) | (v1 >>> 27); v1 ^= v0; v0 = (v0 << 16) | (v0 >>> 16);
      v2 = (v2 + v3) | 0; v3 = (v3 << 8) | (v3 >>> 24); v3 ^= v2;
      v0 = (v0 + v3) | 0; v3 = (v3 << 7) | (v3 >>> 25); v3 ^= v0;
      v2 = (v2 + v1) | 0; v1 = (v1 << 13) | (v1 >>> 19); v1 ^= v2; v2 = (v2 << 16) | (v2 >>> 16);
      v0 ^= word;
      if (step === lastWord + FINAL_ROUNDS - 1) into[0] = v1 ^ v3;
      else if (step === lastWord + 2 * FINAL_ROUNDS - 1) into[1] = v1 ^ v3;
    }
    into[2] = v1 ^ v3;
  };
}
