/**
 * Approximate distinct counts by HyperLogLog (Flajolet 2007) with 64-bit hashes: a value's hash chooses one of 4,096
 * registers and offers it a rank; a register keeps its highest. Registers do not depend on order or on repeats, and
 * merge by maximum. The estimate is Ertl's improved one (2017, "New cardinality estimation algorithms for HyperLogLog
 * sketches", algorithm 6), good from nothing to billions without a table; standard error 1.04 / √4096 = 1.6 %.
 */
import type { Scalar } from "../../define/index.ts";

const INDEX_BITS = 12;
export const REGISTERS = 2 ** INDEX_BITS;
/** Bits of the hash that make the rank. */
const RANK_BITS = 64 - INDEX_BITS;
/** Ranks are 1 … 53 and fit here. */
export const RANK_SHIFT = 6;
/** Offers (register and rank together) are whole numbers below this. */
export const OFFERS = REGISTERS << RANK_SHIFT;

const double = new Float64Array(1);
const halves = new Uint32Array(double.buffer);

/** A value's register and rank as one whole number: `register << RANK_SHIFT | rank`. The same value always gives the same. */
export function offerOf(value: Scalar): number {
  hashScalar(value);
  const [high, low] = [halves[1]!, halves[0]!];
  const register = high >>> (32 - INDEX_BITS);
  const upper = (high << INDEX_BITS) >>> 0; // 20 bits of rank at the top
  const rank = upper !== 0 ? Math.clz32(upper) + 1 : Math.min(32 - INDEX_BITS + Math.clz32(low), RANK_BITS) + 1;
  return (register << RANK_SHIFT) | rank;
}

/** Leaves a 64-bit hash in `halves`: two lanes over the value's 32-bit words, mixed as in MurmurHash3. */
function hashScalar(value: Scalar): void {
  let a = 0x9e3779b9, b = 0x85ebca6b;
  const take = (word: number): void => {
    a = Math.imul(a ^ word, 0xcc9e2d51);
    a = (a << 15) | (a >>> 17);
    b = Math.imul(b ^ word, 0x1b873593);
    b = ((b << 13) | (b >>> 19)) + a;
  };
  if (typeof value === "string") for (let index = 0; index < value.length; index++) take(value.charCodeAt(index));
  else if (typeof value === "number") {
    double[0] = value;
    take(halves[0]!);
    take(halves[1]!);
  } else take(value ? 1 : 0);
  const size = typeof value === "string" ? value.length : typeof value === "number" ? -8 : -1;
  const high = mix(a ^ size);
  halves[1] = mix(high + b);
  halves[0] = mix(Math.imul(b, 5) ^ high);
}

/** The finaliser of MurmurHash3: every bit of the input changes half of the output's. */
function mix(word: number): number {
  let h = word;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}

const ALPHA = 1 / (2 * Math.log(2));

/** The estimate, rounded, from how many registers hold each rank; `ranks[0]` counts the empty ones. */
export function estimateDistinct(ranks: Int32Array): number {
  let z = REGISTERS * tau(1 - ranks[RANK_BITS + 1]! / REGISTERS);
  for (let rank = RANK_BITS; rank >= 1; rank--) z = (z + ranks[rank]!) / 2;
  z += REGISTERS * sigma(ranks[0]! / REGISTERS);
  return Math.round((ALPHA * REGISTERS * REGISTERS) / z);
}

/** Room for the count of every rank. */
export const createRankCounts = (): Int32Array => new Int32Array(RANK_BITS + 2);

function sigma(share: number): number {
  if (share === 1) return Number.POSITIVE_INFINITY;
  let x = share, y = 1, z = share;
  for (let before = -1; before !== z;) {
    x *= x;
    before = z;
    z += x * y;
    y += y;
  }
  return z;
}

function tau(share: number): number {
  if (share === 0 || share === 1) return 0;
  let x = share, y = 1, z = 1 - share;
  for (let before = -1; before !== z;) {
    x = Math.sqrt(x);
    before = z;
    y /= 2;
    z -= (1 - x) ** 2 * y;
  }
  return z / 3;
}
