/**
 * Shop events of about 200 bytes as NDJSON. A batch is written once; before each sending, only the part that must be
 * new (id and time, of fixed width) is overwritten, so that making an event costs the generator a tenth of a microsecond.
 */
import { createDraws } from "./seeded-draws.ts";

export interface EventBatch {
  readonly bytes: Buffer;
  /** Gives every event of a copy of `bytes` a new id and this time. The batch id has at most 20 characters. */
  stamp(copy: Buffer, stamp: { readonly batchId: string; readonly timeMs: number }): void;
}

/** Different keys in the events: what feature state has to hold. */
export const CUSTOMERS = 100_000;
export const ITEMS = 10_000;

const BATCH_ID_WIDTH = 20;
const LINE_WIDTH = 5;
const COUNTRIES = ["DE", "FR", "GB", "IE", "ES", "US"] as const;
const CHANNELS = ["web", "app"] as const;
const PLACEHOLDER = stampText("", 0);

export function createEventBatch({ events, seed }: { readonly events: number; readonly seed: number }): EventBatch {
  const random = createDraws(seed);
  const lines = Array.from({ length: events }, (_, line) => {
    const item = `i-${String(random.integer(ITEMS)).padStart(5, "0")}`;
    const quantity = 1 + random.integer(9);
    const price = (100 + random.integer(9_900)) / 100;
    return `{"id":"${String(line).padStart(LINE_WIDTH, "0")}-${PLACEHOLDER}","customer":"${customerName(random.integer(CUSTOMERS))}","item":"${item}",`
      + `"quantity":${quantity},"price":${price},"order":"o-${String(random.integer(1_000_000)).padStart(6, "0")}","country":"${random.pick(COUNTRIES)}","channel":"${random.pick(CHANNELS)}","page":"/shop/${item}"}`;
  });
  const bytes = Buffer.from(events === 1 ? lines[0]! : `${lines.join("\n")}\n`);
  const places = placesOf(bytes, events);
  const patch = Buffer.alloc(PLACEHOLDER.length);
  return {
    bytes,
    stamp: (copy, { batchId, timeMs }) => {
      patch.write(stampText(batchId, timeMs), "latin1");
      for (const place of places) copy.set(patch, place);
    },
  };
}

export const customerName = (number: number): string => `c-${String(number).padStart(6, "0")}`;

/** From the middle of the id to the end of the time: one copy per event. */
function stampText(batchId: string, timeMs: number): string {
  return `${batchId.padStart(BATCH_ID_WIDTH, "0")}","at":"${new Date(timeMs).toISOString()}`;
}

function placesOf(bytes: Buffer, events: number): readonly number[] {
  const places: number[] = [];
  for (let at = bytes.indexOf(PLACEHOLDER); at >= 0; at = bytes.indexOf(PLACEHOLDER, at + 1)) places.push(at);
  if (places.length !== events) throw new Error(`${events} events were written, but ${places.length} can be stamped`);
  return places;
}
