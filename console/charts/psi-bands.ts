/** Bands of the population stability index, as credit scoring has used them: below 0.1, to 0.2, above. */

export interface PsiBand {
  readonly name: "stable" | "watch" | "drift";
  readonly range: string;
  /** How large the change is; whether it counts as drift is the platform's verdict, from all its tests. */
  readonly meaning: string;
}

export const WATCH_FROM = 0.1;
export const DRIFT_FROM = 0.2;

const STABLE: PsiBand = { name: "stable", range: `below ${WATCH_FROM}`, meaning: "small" };
const WATCH: PsiBand = { name: "watch", range: `${WATCH_FROM} to ${DRIFT_FROM}`, meaning: "moderate" };
const DRIFT: PsiBand = { name: "drift", range: `${DRIFT_FROM} and above`, meaning: "large" };

export const BANDS = [STABLE, WATCH, DRIFT] as const;

export function bandOf(psi: number): PsiBand {
  return psi >= DRIFT_FROM ? DRIFT : psi >= WATCH_FROM ? WATCH : STABLE;
}
