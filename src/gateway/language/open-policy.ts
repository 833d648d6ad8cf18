/**
 * The policy without keys: everybody may call everything, for nothing. What was used stays in memory, for tests and
 * for a laptop; a gateway that others reach has keys.
 */
import type { IdSource } from "../../kernel/ids.ts";
import type { AdmittedCall, CallOutcome, CallPolicy, CallRequest } from "./call-policy.ts";

export interface Settlement extends CallOutcome {
  readonly model: string;
  readonly operation: CallRequest["operation"];
}

export interface OpenPolicy extends CallPolicy {
  /** The latest settlements, oldest first. */
  settlements(): readonly Settlement[];
  forget(): void;
}

const KEPT = 1_000;
const CALLER = { keyId: "", tenant: "" };

export function createOpenPolicy({ ids }: { readonly ids: IdSource }): OpenPolicy {
  let settlements: Settlement[] = [];
  const keep = (settlement: Settlement): void => {
    settlements.push(settlement);
    if (settlements.length >= 2 * KEPT) settlements = settlements.slice(-KEPT);
  };
  const price = { input: 0, output: 0 };
  return {
    identify: () => Promise.resolve(CALLER),
    admitCached: ({ model, operation, usage, upstream }) => {
      keep({ model, operation, usage, upstream, price, outcome: "cached", isEstimated: false });
      return Promise.resolve();
    },
    admit: ({ model, operation, maxOutputTokens }) => {
      let isSettled = false;
      const admitted: AdmittedCall = {
        id: ids.next(), ...CALLER, maxOutputTokens,
        meter: () => "continue",
        settle: (outcome) => {
          if (!isSettled) keep({ ...outcome, model, operation });
          isSettled = true;
          return Promise.resolve();
        },
      };
      return Promise.resolve(admitted);
    },
    settlements: () => settlements.slice(-KEPT),
    forget: () => { settlements = []; },
  };
}
