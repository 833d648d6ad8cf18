/** The body of an events request as it was meant: decompressed, within bounds, in one of the formats streams take. */
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { StrataError, reasonOf } from "../../kernel/errors.ts";
import { mediaTypeOf } from "../http.ts";
import type { HttpRequest } from "../http.ts";

const ACCEPTED = "application/json, application/x-ndjson, application/cloudevents+json, application/cloudevents-batch+json";

const FORMATS: Readonly<Record<string, "json" | "ndjson">> = {
  "application/json": "json", "application/x-ndjson": "ndjson", "application/ndjson": "ndjson", "application/jsonl": "ndjson",
};

const decompress = promisify(gunzip);

/** MEDIA_TYPE_UNSUPPORTED for anything but JSON and NDJSON in UTF-8. */
export function textFormatOf(contentType: string | undefined): "json" | "ndjson" {
  const format = Object.hasOwn(FORMATS, mediaTypeOf(contentType)) ? FORMATS[mediaTypeOf(contentType)] : undefined;
  const charset = /;\s*charset\s*=\s*"?([^";\s]*)/i.exec(contentType ?? "")?.[1] ?? "utf-8";
  if (format === undefined || !/^(?:utf-?8|us-ascii)$/i.test(charset)) throw new StrataError("MEDIA_TYPE_UNSUPPORTED", { type: contentType ?? "", accepted: ACCEPTED });
  return format;
}

/** Decompresses gzip, never to more than `limitBytes` (BODY_TOO_LARGE); BODY_INVALID when it is no gzip. */
export async function readBody({ headers, body }: HttpRequest, limitBytes: number): Promise<Buffer> {
  const encoding = (headers["content-encoding"] ?? "identity").trim().toLowerCase();
  if (encoding !== "gzip" && encoding !== "x-gzip" && encoding !== "identity") throw new StrataError("MEDIA_TYPE_UNSUPPORTED", { type: `${headers["content-type"] ?? ""}" in Content-Encoding "${encoding}`, accepted: "gzip or no Content-Encoding" });
  if (body.length > limitBytes) throw new StrataError("BODY_TOO_LARGE", { limitBytes });
  if (encoding === "identity") return body;
  try {
    return await decompress(body, { maxOutputLength: limitBytes });
  } catch (thrown) {
    const isTooLarge = thrown instanceof Error && "code" in thrown && thrown.code === "ERR_BUFFER_TOO_LARGE";
    throw isTooLarge ? new StrataError("BODY_TOO_LARGE", { limitBytes }) : new StrataError("BODY_INVALID", { format: "gzip", reason: reasonOf(thrown) }, { cause: thrown });
  }
}
