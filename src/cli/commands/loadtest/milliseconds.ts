/** A latency with the digits that mean something: "0.42 ms", "18.3 ms", "1.2s". */
import { formatElapsed, formatNumber } from "../../terminal/format.ts";

export function milliseconds(ms: number): string {
  return ms < 1_000 ? `${formatNumber(ms, ms < 10 ? 2 : 1)} ms` : formatElapsed(ms);
}
