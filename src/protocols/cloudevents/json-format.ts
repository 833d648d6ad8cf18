/** The JSON event format of CloudEvents (formats/json-format.md): one event as an object, a batch as an array of them. */
import { reasonOf } from "../../kernel/errors.ts";
import type { Problem } from "../../kernel/errors.ts";
import { mediaTypeOf } from "../http.ts";
import { parseJson } from "../json-body.ts";
import { buildCloudEvent, isJsonType, refuseCloudEvent } from "./cloud-event.ts";
import type { Attributes, CloudEvent, Data } from "./cloud-event.ts";

/** BODY_INVALID when the text is no JSON, CLOUDEVENT_INVALID when it is no event. */
export function parseStructured(body: Buffer): CloudEvent {
  const event = readEvent(parseJson(body, "CloudEvents JSON"));
  if (isProblems(event)) throw refuseCloudEvent(event);
  return event;
}

/** All events of a batch, or CLOUDEVENT_INVALID with the problems of every event that has some. An empty batch is valid. */
export function parseBatch(body: Buffer): readonly CloudEvent[] {
  const batch = parseJson(body, "CloudEvents JSON batch");
  if (!Array.isArray(batch)) throw refuseCloudEvent([{ path: "", message: "a batch is a JSON array of events", code: "invalid CloudEvent" }]);
  const events = batch.map((item, index) => readEvent(item, `${index}.`));
  const problems = events.filter(isProblems).flat();
  if (problems.length > 0) throw refuseCloudEvent(problems);
  return events as CloudEvent[]; // none of them is a list of problems
}

function readEvent(value: unknown, path = ""): CloudEvent | readonly Problem[] {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return [{ path: path.slice(0, -1), message: "is no JSON object", code: "invalid CloudEvent" }];
  const { data, data_base64: encoded, ...attributes } = value as Readonly<Record<string, unknown>>;
  return buildCloudEvent(attributes, readData({ data, encoded }, attributes), path);
}

function readData({ data, encoded }: { readonly data: unknown; readonly encoded: unknown }, { datacontenttype }: Attributes): Data {
  const declared = typeof datacontenttype === "string" ? mediaTypeOf(datacontenttype) : undefined;
  if (data !== undefined && encoded !== undefined) return { problem: "and data_base64 exclude each other" };
  if (declared !== undefined && !isJsonType(declared)) return { problem: `is "${declared}"; a stream's events are JSON` };
  if (encoded !== undefined) return declared === undefined ? { problem: "in data_base64 needs a datacontenttype that says it is JSON" } : decode(encoded);
  return data === undefined ? { problem: "is missing: a stream's event is its data" } : { data };
}

function decode(encoded: unknown): Data {
  if (typeof encoded !== "string" || encoded.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(encoded)) return { problem: "in data_base64 is not base64 text" };
  const payload = Buffer.from(encoded, "base64");
  try {
    return { data: parseJson(payload), payload };
  } catch (thrown) {
    return { problem: `in data_base64: ${reasonOf(thrown)}` };
  }
}

function isProblems(event: CloudEvent | readonly Problem[]): event is readonly Problem[] {
  return Array.isArray(event);
}
