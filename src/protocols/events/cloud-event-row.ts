/**
 * A CloudEvent as an event of a stream: its data is the row, (source, id) its identity, and its time counts where the
 * row has none. If the stream keeps the time in a field, the time is written into the row, so that every reader of the
 * log finds it there.
 */
import { z } from "zod";
import type { Stream } from "../../define/index.ts";
import type { IngestRow } from "../../data/index.ts";
import type { CloudEvent } from "../cloudevents/cloud-event.ts";

export function cloudEventRow({ id: eventId, source, time, data, payload }: CloudEvent, stream: Stream): IngestRow {
  const id = `${source} ${eventId}`; // a URI reference holds no space, so no two pairs look alike
  const original = { row: data, id, ...(payload === undefined ? {} : { payload }) };
  if (time === undefined) return original;
  if (stream.time === undefined) return { ...original, timeMs: time.ms };
  if (typeof data !== "object" || data === null || (stream.time in data && (data as Readonly<Record<string, unknown>>)[stream.time] !== null)) return original;
  return { row: { ...data, [stream.time]: timeInSchema(time, stream.schema.shape[stream.time]) }, id };
}

/** The notation that the field's schema accepts: text as sent, text in UTC, or milliseconds. */
function timeInSchema({ text, ms }: { readonly text: string; readonly ms: number }, schema: z.core.$ZodType | undefined): string | number {
  const notations = [text, new Date(ms).toISOString(), ms];
  return notations.find((notation) => schema !== undefined && z.safeParse(schema, notation).success) ?? text;
}
