/**
 * Shop events of about 200 bytes as NDJSON, with the places that the load generator fills anew at each sending: an
 * event's id is its line and the request's id, its time is now.
 */
import { createRandom } from "strata/testing";

/** Different keys in the events: what feature state has to hold. */
export const CUSTOMERS = 100_000;
export const ITEMS = 10_000;

const LINE_WIDTH = 5;
const COUNTRIES = ["DE", "FR", "GB", "IE", "ES", "US"] as const;
const CHANNELS = ["web", "app"] as const;

/** One event is one JSON object, more are lines. */
export function eventBatch({ events, seed }: { readonly events: number; readonly seed: number }): string {
  const random = createRandom(seed);
  const lines = Array.from({ length: events }, (_, line) => {
    const item = `i-${String(random.integer(ITEMS)).padStart(5, "0")}`;
    const quantity = 1 + random.integer(9);
    const price = (100 + random.integer(9_900)) / 100;
    return `{"id":"${String(line).padStart(LINE_WIDTH, "0")}-{{id}}","at":"{{now}}","customer":"${customerName(random.integer(CUSTOMERS))}","item":"${item}",`
      + `"quantity":${quantity},"price":${price},"order":"o-${String(random.integer(1_000_000)).padStart(6, "0")}","country":"${random.pick(COUNTRIES)}","channel":"${random.pick(CHANNELS)}","page":"/shop/${item}"}`;
  });
  return events === 1 ? lines[0]! : `${lines.join("\n")}\n`;
}

export const customerName = (number: number): string => `c-${String(number).padStart(6, "0")}`;
