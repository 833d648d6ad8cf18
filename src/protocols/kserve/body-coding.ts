/**
 * Compression of bodies, both ways: gzip and deflate. The limit of a body holds after unpacking too, so that a small
 * body cannot become a large one in memory. Packing runs on zlib's threads.
 */
import { promisify } from "node:util";
import { deflate, gunzip, gzip, inflate, inflateRaw } from "node:zlib";
import { StrataError, reasonOf } from "../../kernel/errors.ts";

const unpackers = { gzip: promisify(gunzip), zlib: promisify(inflate), raw: promisify(inflateRaw) };
const packers = { gzip: promisify(gzip), deflate: promisify(deflate) };

export type Coding = keyof typeof packers;

/** The body as it was before Content-Encoding. BODY_INVALID when it is damaged, BODY_TOO_LARGE when it unpacks to more than the limit. */
export async function unpackBody(body: Buffer, contentEncoding: string, limitBytes: number): Promise<Buffer> {
  const coding = contentEncoding.trim().toLowerCase();
  if (coding === "" || coding === "identity") return body;
  const unpack = coding === "gzip" || coding === "x-gzip" ? unpackers.gzip : coding === "deflate" ? (isZlib(body) ? unpackers.zlib : unpackers.raw) : undefined;
  if (unpack === undefined) throw new StrataError("MEDIA_TYPE_UNSUPPORTED", { type: `…" with Content-Encoding "${contentEncoding.slice(0, 60)}`, accepted: "gzip, deflate or no Content-Encoding" });
  try {
    return await unpack(body, { maxOutputLength: limitBytes });
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE") throw new StrataError("BODY_TOO_LARGE", { limitBytes }, { cause: thrown });
    throw new StrataError("BODY_INVALID", { format: coding, reason: reasonOf(thrown) }, { cause: thrown });
  }
}

/** "deflate" means the zlib format (RFC 9110, 8.4.1.2), but some senders leave its two bytes of header out. */
function isZlib(body: Buffer): boolean {
  return body.length >= 2 && (body[0]! & 0x0f) === 8 && body.readUInt16BE(0) % 31 === 0;
}

/** Below this the header that says it costs more than it saves. */
const MIN_BYTES = 1_024;

/**
 * How to pack an answer, if at all. JSON is packed whenever the client takes it. Tensors only when gzip or deflate is
 * all the client names: the list that HTTP libraries send unasked is no wish to have 600 KB of floats packed, which costs
 * 20 ms and saves a tenth.
 */
export function codingFor(acceptEncoding: string | undefined, answer: { readonly sizeBytes: number; readonly isBinary: boolean }): Coding | undefined {
  if (acceptEncoding === undefined || answer.sizeBytes < MIN_BYTES) return undefined;
  const accepted = acceptEncoding.split(",").map((part) => part.trim().toLowerCase()).filter((part) => part !== "" && !/;\s*q=0(\.0*)?$/.test(part)).map((part) => part.split(";", 1)[0]!.trim());
  if (answer.isBinary && accepted.length > 1) return undefined;
  return accepted.includes("gzip") ? "gzip" : accepted.includes("deflate") ? "deflate" : undefined;
}

/** Level 1: on tensors higher levels cost several times more and save a few percent. */
export function packBody(body: string | Uint8Array, coding: Coding): Promise<Uint8Array> {
  return packers[coding](body, { level: 1 });
}
