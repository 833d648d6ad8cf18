/** Past events to train on: purchases whose price depends on customer and item, or the storefront's simulated visits. */
import { createRandom } from "strata/testing";
import type { Platform } from "strata/testing";
import { simulatedWorld } from "../../examples/storefront/demo-world.ts";

export const SHOP_CUSTOMERS = 2_000;
export const SHOP_ITEMS = 500;
const DAY_MS = 86_400_000;
const SPAN_MS = 30 * DAY_MS;
const BATCH = 1_000;

export const shopCustomer = (number: number): string => `c-${number}`;
export const shopItem = (number: number): string => `i-${number}`;

/** Purchases of the last 30 days until `endMs`, in the order of time. */
export async function importPurchases(platform: Platform, { events, endMs }: { readonly events: number; readonly endMs: number }): Promise<void> {
  const random = createRandom("shop history");
  const bases = Array.from({ length: SHOP_ITEMS }, () => 5 + random.next() * 95);
  const habits = Array.from({ length: SHOP_CUSTOMERS }, () => 0.5 + random.next());
  for (let first = 0; first < events; first += BATCH) {
    const rows = Array.from({ length: Math.min(BATCH, events - first) }, (_, index) => {
      const [customer, item] = [random.integer(SHOP_CUSTOMERS), random.integer(SHOP_ITEMS)];
      return { row: {
        id: `history-${first + index}`, at: new Date(endMs - SPAN_MS + Math.floor(((first + index) / events) * SPAN_MS)).toISOString(), customer: shopCustomer(customer), item: shopItem(item),
        quantity: 1 + random.integer(9), price: Math.round(bases[item]! * habits[customer]! * (0.9 + 0.2 * random.next()) * 100) / 100,
        order: `o-${first + index}`, country: "DE", channel: "web", page: `/shop/${shopItem(item)}`,
      } };
    });
    await platform.ingestion.ingestRows("purchases", rows, { backfill: true });
  }
}

/** The storefront's visits of the last days until `endMs`; returns the customers who came. */
export async function importVisits(platform: Platform, { days, endMs }: { readonly days: number; readonly endMs: number }): Promise<readonly string[]> {
  const world = simulatedWorld(createRandom("visits"), endMs - days * DAY_MS);
  let day = 0;
  for await (const { purchases, clicks } of world.history(() => undefined)) {
    if (day++ === days) break;
    await platform.ingestion.ingestRows("purchases", purchases.map((row) => ({ row })), { backfill: true });
    await platform.ingestion.ingestRows("clicks", clicks.map((row) => ({ row })), { backfill: true });
  }
  return world.customers();
}
