/**
 * Bytes on their way into the bucket. Small ones go in one request, signed with the digest that is their name; large ones in
 * parts, and the object appears only when the last is there. What is there already and whole is not sent again.
 */
import { createHash } from "node:crypto";
import { StrataError } from "../../kernel/errors.ts";
import { sha256 } from "../../kernel/hash.ts";
import { textOf, type S3Client, type S3Request, type S3Response } from "./s3-client.ts";

/** Where the bytes come from: memory or a file, read in order. */
export interface BlobSource {
  readonly digest: string;
  readonly sizeBytes: number;
  /** Exactly these bytes, unless the source ended before. */
  read(position: number, sizeBytes: number): Promise<Uint8Array>;
}

export interface UploadOptions {
  readonly partBytes: number;
  readonly signal?: AbortSignal | undefined;
}

/** S3 takes 10,000 parts of at least 5 MiB. */
const MOST_PARTS = 10_000;

export async function uploadBlob(client: S3Client, key: string, source: BlobSource, options: UploadOptions): Promise<void> {
  if (await isPresent(client, key, source, options)) return;
  if (source.sizeBytes <= options.partBytes) return uploadWhole(client, key, source, options);
  return uploadParts(client, key, source, { ...options, partBytes: Math.max(options.partBytes, Math.ceil(source.sizeBytes / MOST_PARTS)) });
}

/** There, of the right size, and with the right checksum as the server kept it; anything else is sent again, which heals it. */
async function isPresent(client: S3Client, key: string, { digest, sizeBytes }: BlobSource, { signal }: UploadOptions): Promise<boolean> {
  const { status, headers, discard } = await client.send({ method: "HEAD", key, headers: { "x-amz-checksum-mode": "ENABLED" }, signal });
  discard();
  if (status !== 200 || Number(headers["content-length"]) !== sizeBytes) return false;
  return headers["x-amz-checksum-sha256"] === base64Of(digest) || headers[`x-amz-meta-${DIGEST_HEADER}`] === digest;
}

/** Kept with objects of parts, whose checksum is one of the parts' checksums. */
const DIGEST_HEADER = "strata-sha256";

async function uploadWhole(client: S3Client, key: string, source: BlobSource, { signal }: UploadOptions): Promise<void> {
  const body = await source.read(0, source.sizeBytes);
  if (sha256(body) !== source.digest) throw new StrataError("BLOB_CORRUPT", { digest: source.digest });
  const put: S3Request = { method: "PUT", key, body, bodySha256: source.digest, headers: { "x-amz-checksum-sha256": base64Of(source.digest) }, signal };
  await finished(await client.send(put));
}

async function uploadParts(client: S3Client, key: string, source: BlobSource, { partBytes, signal }: UploadOptions): Promise<void> {
  const begun = await textOfAnswer(await client.send({ method: "POST", key, query: { uploads: "" }, headers: { [`x-amz-meta-${DIGEST_HEADER}`]: source.digest }, signal }));
  const uploadId = textOf(begun, "UploadId");
  if (uploadId === "") throw new StrataError("ENGINE_REFUSED", { engine: "S3", place: client.place, reason: "it began no upload in parts" });
  try {
    const tags: string[] = [];
    const hash = createHash("sha256");
    for (let position = 0; position < source.sizeBytes; position += partBytes) {
      const body = await source.read(position, Math.min(partBytes, source.sizeBytes - position));
      hash.update(body);
      const part = await finished(await client.send({ method: "PUT", key, query: { partNumber: String(tags.length + 1), uploadId }, body, signal }));
      tags.push(String(part.headers["etag"]));
    }
    if (hash.digest("hex") !== source.digest) throw new StrataError("BLOB_CORRUPT", { digest: source.digest }); // somebody changed the file meanwhile
    await complete(client, key, { uploadId, tags }, signal);
  } catch (thrown) {
    await client.send({ method: "DELETE", key, query: { uploadId } }).then(({ discard }) => discard()).catch(() => undefined); // the first failure is the one worth reporting
    throw thrown;
  }
}

interface Parts { readonly uploadId: string; readonly tags: readonly string[] }

async function complete(client: S3Client, key: string, { uploadId, tags }: Parts, signal: AbortSignal | undefined): Promise<void> {
  const list = tags.map((tag, i) => `<Part><PartNumber>${i + 1}</PartNumber><ETag>${tag.replaceAll("\"", "&quot;")}</ETag></Part>`).join("");
  const body = Buffer.from(`<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${list}</CompleteMultipartUpload>`);
  const response = await client.send({ method: "POST", key, query: { uploadId }, headers: { "content-type": "application/xml" }, body, signal });
  if (response.status === 404 && await isThere(client, key, signal)) return response.discard(); // the first answer was lost, and the upload was complete
  const answer = await textOfAnswer(response);
  if (answer.includes("<Error>")) throw new StrataError("ENGINE_REFUSED", { engine: "S3", place: client.place, reason: `${textOf(answer, "Code")}: ${textOf(answer, "Message")}` }); // a 200 that failed after its headers were sent
}

async function isThere(client: S3Client, key: string, signal: AbortSignal | undefined): Promise<boolean> {
  const { status, discard } = await client.send({ method: "HEAD", key, signal });
  discard();
  return status === 200;
}

async function finished(response: S3Response): Promise<S3Response> {
  await textOfAnswer(response);
  return response;
}

/** Anything but success is not an answer to a write. */
async function textOfAnswer({ status, bytes }: S3Response): Promise<string> {
  const text = (await bytes()).toString();
  if (status >= 300) throw new StrataError("ENGINE_REFUSED", { engine: "S3", place: "the bucket", reason: `${status} ${textOf(text, "Code")}: ${textOf(text, "Message")}` });
  return text;
}

const base64Of = (digest: string): string => Buffer.from(digest, "hex").toString("base64");
