/** Nano-dollars and the dollars that people write. */
import { StrataError } from "../../../kernel/errors.ts";

const NANO = 1e9;
/** Whole nano-dollars are exact up to 2^53, about 9 million dollars. */
export const LARGEST_USD = 9_000_000;

/** "12.5" dollars as nano-dollars, rounded to the nearest. */
export function nanoUsd(usd: number): number {
  if (!(usd >= 0 && usd <= LARGEST_USD)) throw new StrataError("REQUEST_INVALID", { reason: `A budget is from 0 to ${LARGEST_USD} USD, not ${usd}.` });
  return Math.round(usd * NANO);
}

export function usdOf(nanoUsd: number): number {
  return nanoUsd / NANO;
}

/** With as many digits as it takes, at most nine: "0.00015". */
export function usdText(nanoUsd: number): string {
  return usdOf(nanoUsd).toFixed(9).replace(/\.?0+$/, "");
}
