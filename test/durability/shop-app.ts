/** A definition with derived streams for durability tests: filtered, joined, in sessions, and one derived from another. */
import { defineApplication, defineStream, deriveStream, joinStreams, sessionStream, z } from "strata";

const watermark = { delay: "200ms", idleAfter: "500ms" } as const;
export const buys = defineStream("buys", { schema: z.object({ id: z.string(), customer: z.string(), price: z.number() }), id: "id", watermark });
export const clicks = defineStream("clicks", { schema: z.object({ id: z.string(), customer: z.string() }), id: "id", watermark });
export const big = deriveStream("big", { from: buys, schema: z.object({ buy: z.string(), cents: z.number() }), where: (e) => e.price.atLeast(50), map: (e) => ({ buy: e.id, cents: e.price.times(100) }) });
export const led = joinStreams("led", { left: buys, right: clicks, by: (b, c) => [b.customer, c.customer], within: "5s", schema: z.object({ buy: z.string(), click: z.string() }), map: (b, c) => ({ buy: b.id, click: c.id }) });
export const visits = sessionStream("visits", {
  from: clicks, gap: "100ms", by: (e) => ({ customer: e.customer }), values: (_, s) => ({ clicks: s.count() }),
  schema: z.object({ customer: z.string(), started_at: z.string(), ended_at: z.string(), clicks: z.number() }),
});
export const long = deriveStream("long", { from: visits, where: (e) => e.clicks.atLeast(2) });

export default defineApplication("shop", [big, led, long]);
