/**
 * The HTTP binding of CloudEvents 1.0 (bindings/http-protocol-binding.md): binary mode carries the attributes in
 * `ce-` headers and the data as the body; structured and batched mode carry everything in the body.
 */
import { StrataError } from "../../kernel/errors.ts";
import { mediaTypeOf } from "../http.ts";
import { parseJson } from "../json-body.ts";
import { buildCloudEvent, isJsonType, refuseCloudEvent } from "./cloud-event.ts";
import type { CloudEvent } from "./cloud-event.ts";
import { parseBatch, parseStructured } from "./json-format.ts";

export type Headers = Readonly<Record<string, string | undefined>>;
export type ContentMode = "binary" | "structured" | "batched";

const REQUIRED_HEADERS = ["ce-specversion", "ce-id", "ce-source", "ce-type"];

/** How a request carries CloudEvents; undefined when it does not. One required header is enough to mean binary mode: the missing ones are then told. */
export function contentModeOf(headers: Headers): ContentMode | undefined {
  const mediaType = mediaTypeOf(headers["content-type"]);
  if (mediaType.startsWith("application/cloudevents-batch")) return "batched";
  if (mediaType.startsWith("application/cloudevents")) return "structured";
  return REQUIRED_HEADERS.some((name) => headers[name] !== undefined) ? "binary" : undefined;
}

/**
 * The events of a request. CLOUDEVENT_INVALID (with all problems), BODY_INVALID, or MEDIA_TYPE_UNSUPPORTED for event
 * formats and data other than JSON.
 */
export function parseCloudEvents(mode: ContentMode, headers: Headers, body: Buffer): readonly CloudEvent[] {
  const mediaType = mediaTypeOf(headers["content-type"]);
  if (mode === "binary") return [parseBinary(headers, body)];
  const accepted = mode === "batched" ? "application/cloudevents-batch+json" : "application/cloudevents+json";
  if (mediaType !== accepted) throw new StrataError("MEDIA_TYPE_UNSUPPORTED", { type: mediaType, accepted });
  return mode === "batched" ? parseBatch(body) : [parseStructured(body)];
}

function parseBinary(headers: Headers, body: Buffer): CloudEvent {
  const mediaType = mediaTypeOf(headers["content-type"]);
  const { attributes, undecodable } = readHeaders(headers);
  const isTwice = headers["ce-datacontenttype"] !== undefined;
  const problems = [
    ...undecodable.map((name) => ({ path: name, message: "is not percent-encoded UTF-8", code: "invalid CloudEvent" })),
    ...(isTwice ? [{ path: "datacontenttype", message: "belongs into Content-Type in binary mode", code: "invalid CloudEvent" }] : []),
  ];
  if (problems.length > 0) throw refuseCloudEvent(problems);
  if (!isJsonType(mediaType)) throw new StrataError("MEDIA_TYPE_UNSUPPORTED", { type: mediaType, accepted: "application/json" });
  const event = buildCloudEvent(attributes, { data: undefined, payload: body });
  if (Array.isArray(event)) throw refuseCloudEvent(event);
  return { ...(event as CloudEvent), data: parseJson(body) }; // not a list of problems
}

function readHeaders(headers: Headers): { readonly attributes: Readonly<Record<string, string>>; readonly undecodable: readonly string[] } {
  const attributes: [string, string][] = [];
  const undecodable: string[] = [];
  for (const [header, value] of Object.entries(headers)) {
    if (!header.startsWith("ce-") || value === undefined) continue;
    const decoded = decodeHeader(value);
    if (decoded === undefined) undecodable.push(header.slice(3));
    else attributes.push([header.slice(3), decoded]);
  }
  return { attributes: Object.fromEntries(attributes), undecodable };
}

/** Unquotes (RFC 7230 3.2.6, for senders of older versions), then decodes percent signs once; undefined when that is impossible. */
function decodeHeader(value: string): string | undefined {
  const quoted = /^"((?:[^"\\]|\\.)*)"$/.exec(value);
  const text = quoted ? quoted[1]!.replaceAll(/\\(.)/g, "$1") : value;
  if (!/^[\u0020-\u007e]*$/.test(text)) return undefined;
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
