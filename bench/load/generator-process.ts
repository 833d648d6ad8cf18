/** The load generator's own process: takes plans from its parent, one after the other, and answers with outcomes. */
import type { LoadPlan } from "./load-plan.ts";
import { runLoad } from "./load-run.ts";

/** Session numbers, so that no two runs send the same event ids: a run takes longer than a millisecond. */
let session = Date.now();

process.on("message", (plan: LoadPlan) => { // the parent sends nothing else
  runLoad(plan, session++).then(
    (outcome) => process.send?.({ outcome }),
    (thrown: unknown) => process.send?.({ problem: thrown instanceof Error ? thrown.stack ?? thrown.message : String(thrown) }),
  );
});
process.on("disconnect", () => process.exit(0));
