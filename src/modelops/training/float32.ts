/**
 * Rounding towards float32, for thresholds. With t = floorToFloat32(T), every float32 x satisfies
 * x <= t exactly when x <= T, so a float32 runtime routes float32 inputs as the float64 scorer does.
 */
const word = new Int32Array(1);
const single = new Float32Array(word.buffer);

/** The largest float32 that is not above the value; -Infinity below the float32 range. */
export function floorToFloat32(value: number): number {
  const nearest = Math.fround(value);
  if (nearest <= value || Number.isNaN(value)) return nearest;
  single[0] = nearest;
  if (nearest === 0) return -(2 ** -149); // below zero comes the negative number closest to it
  word[0]! += nearest > 0 ? -1 : 1; // neighbours in value are neighbours as integers (IEEE 754)
  return single[0];
}

/** A threshold t with low <= t < high, a float32 near the middle where one lies between them. Needs low < high. */
export function thresholdBetween(low: number, high: number): number {
  const middle = low / 2 + high / 2;
  const rounded = floorToFloat32(middle);
  if (rounded >= low && rounded < high) return rounded;
  return middle >= low && middle < high ? middle : low;
}
