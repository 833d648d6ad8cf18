/** A small definition for durability tests: every event must count exactly once in both features. */
import { count, defineApplication, defineEntity, defineFeatureView, defineStream, sum, z } from "strata";

export const payments = defineStream("payments", { schema: z.object({ id: z.string(), account: z.string(), amount: z.number() }), id: "id" });
const account = defineEntity("account");
export const totals = defineFeatureView("totals", {
  entities: [account], from: payments, by: (e) => ({ account: e.account }),
  features: (e) => ({ payments: count(), amount: sum(e.amount), payments_7d: count().over("7d") }),
});

export default defineApplication("payments", [totals]);
