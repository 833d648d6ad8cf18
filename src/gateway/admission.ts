/**
 * Admission: how many requests may be in flight. Beyond the limit a caller is told to come back, because an answer
 * that would come after everyone's deadline helps nobody.
 */
import { StrataError } from "../kernel/errors.ts";

export interface Admission {
  /** Runs the work if there is room; else OVERLOADED with Retry-After. */
  admit<T>(work: () => Promise<T>): Promise<T>;
  inFlight(): number;
}

export function createAdmission({ maxInFlight }: { readonly maxInFlight: number }): Admission {
  let inFlight = 0;
  return {
    admit: async (work) => {
      if (inFlight >= maxInFlight) throw new StrataError("OVERLOADED", { inFlight, maxInFlight }, { retryAfterSeconds: 1 });
      inFlight += 1;
      try {
        return await work();
      } finally {
        inFlight -= 1;
      }
    },
    inFlight: () => inFlight,
  };
}
