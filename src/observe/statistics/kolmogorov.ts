/**
 * Tail probabilities of the Kolmogorov-Smirnov statistics.
 * Two samples, exact: the share of lattice paths that stay inside the band (Hodges 1957).
 * Two samples, asymptotic: the one-sample distribution at the effective size m·n/(m+n), as scipy does it;
 * that one by Marsaglia, Tsang & Wang (2003) up to n = 140 and by Pelz & Good (1976) above
 * (the choice of Simard & L'Ecuyer 2011; largest absolute error found against exact powers: 3e-6, at n = 141).
 */

/** Matrix powers are exact and cheap up to here; the expansion is accurate from here on. */
const LARGEST_MATRIX_SIZE = 140;
/** Above n·d² = 18 the tail is below 1e-15. */
const NEGLIGIBLE_TAIL = 18;

/** P(D ≥ d) for two samples of m and n values under equality, counted exactly; O(m·n) time. */
export function smirnovExactTail(d: number, m: number, n: number): number {
  if (d <= 0) return 1;
  if (d > 1) return 0;
  // A path step (i, j) is outside when |i/m − j/n| ≥ d; half a lattice step guards against rounding.
  const limit = (Math.ceil(d * m * n - 1e-7) - 0.5) / (m * n);
  const inside = new Float64Array(n + 1);
  for (let j = 0; j <= n; j++) inside[j] = j / n < limit ? 1 : 0;
  for (let i = 1; i <= m; i++) {
    const weight = i / (i + n); // keeps the counts scaled to probabilities
    inside[0] = i / m < limit ? inside[0]! * weight : 0;
    for (let j = 1; j <= n; j++) {
      inside[j] = Math.abs(i / m - j / n) < limit ? inside[j]! * weight + inside[j - 1]! : 0;
    }
  }
  return clamp(1 - inside[n]!);
}

/** P(D ≥ d) for two samples, from the effective size; for samples too large to count. */
export function smirnovAsymptoticTail(d: number, m: number, n: number): number {
  return kolmogorovTail(d, Math.max(1, roundHalfEven((m / (m + n)) * n)));
}

/** P(D ≥ d) of the one-sample Kolmogorov statistic of n values. */
export function kolmogorovTail(d: number, n: number): number {
  if (d <= 0.5 / n) return 1;
  if (d >= 1 || n * d * d > NEGLIGIBLE_TAIL) return d >= 1 ? 0 : clamp(2 * Math.exp(-2 * n * d * d));
  return clamp(1 - (n <= LARGEST_MATRIX_SIZE ? matrixCdf(d, n) : expansionCdf(Math.sqrt(n) * d, n)));
}

function clamp(probability: number): number {
  return Math.min(1, Math.max(0, probability));
}

function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}

/** Marsaglia, Tsang & Wang: n!/nⁿ times the middle entry of a matrix power. */
function matrixCdf(d: number, n: number): number {
  const k = Math.floor(n * d) + 1;
  const size = 2 * k - 1;
  const power = matrixPower(transitionMatrix(size, k - n * d), size, n);
  let value = power[(k - 1) * size + k - 1]!;
  for (let i = 1; i <= n; i++) value *= i / n;
  return value;
}

function transitionMatrix(size: number, h: number): Float64Array {
  const matrix = new Float64Array(size * size);
  for (let i = 0; i < size; i++) for (let j = 0; j < size; j++) matrix[i * size + j] = i - j + 1 < 0 ? 0 : 1;
  for (let i = 0; i < size; i++) {
    matrix[i * size] = matrix[i * size]! - h ** (i + 1);
    matrix[(size - 1) * size + i] = matrix[(size - 1) * size + i]! - h ** (size - i);
  }
  const corner = (size - 1) * size;
  matrix[corner] = matrix[corner]! + (2 * h - 1 > 0 ? (2 * h - 1) ** size : 0);
  for (let i = 0; i < size; i++) {
    for (let j = 0; j < size; j++) for (let g = 1; g <= i - j + 1; g++) matrix[i * size + j] = matrix[i * size + j]! / g;
  }
  return matrix;
}

/** Entries stay below 10¹⁴⁰ for n ≤ 140, so no exponent needs to be carried aside. */
function matrixPower(matrix: Float64Array, size: number, exponent: number): Float64Array {
  if (exponent === 1) return matrix;
  const half = matrixPower(matrix, size, exponent >> 1);
  const square = multiply(half, half, size);
  return exponent % 2 === 0 ? square : multiply(square, matrix, size);
}

function multiply(a: Float64Array, b: Float64Array, size: number): Float64Array {
  const product = new Float64Array(size * size);
  for (let i = 0; i < size; i++) {
    for (let k = 0; k < size; k++) {
      const factor = a[i * size + k]!;
      for (let j = 0; j < size; j++) product[i * size + j] = product[i * size + j]! + factor * b[k * size + j]!;
    }
  }
  return product;
}

/** Pelz & Good: the limit law plus corrections in 1/√n, 1/n and n^(−3/2). */
function expansionCdf(z: number, n: number): number {
  const z2 = z * z, z4 = z2 * z2, z6 = z4 * z2, z8 = z4 * z4;
  let k0 = 0, k1 = 0, k2 = 0, k3 = 0;
  for (let k = 0; k < 40; k++) {
    const u = (Math.PI * (k + 0.5)) ** 2;
    const v = (Math.PI * (k + 1)) ** 2;
    const odd = 2 * Math.exp(-u / (2 * z2)); // k and −k−1 contribute alike
    const even = 2 * Math.exp(-v / (2 * z2));
    if (odd === 0) break;
    k0 += odd;
    k1 += odd * (u - z2);
    k2 += odd * (6 * z6 + 2 * z4 + u * (2 * z4 - 5 * z2) + u * u * (1 - 2 * z2)) / (72 * z4 * z2 * z) - even * v / (36 * z2 * z);
    k3 += odd * (u ** 3 * (5 - 30 * z2) + u * u * (-60 * z2 + 212 * z4) + u * (135 * z4 - 96 * z6) - (30 * z6 + 90 * z8)) / (6480 * z8 * z2)
      + even * (3 * v * z2 - v * v) / (216 * z6);
  }
  const root = Math.sqrt(Math.PI / 2);
  const size = Math.sqrt(n);
  return root * (k0 / z + k1 / (6 * z4) / size + k2 / n + k3 / (n * size));
}
