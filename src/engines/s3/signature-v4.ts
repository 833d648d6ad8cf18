/**
 * AWS Signature Version 4 in a header, for S3 ("Authenticating Requests: Using the Authorization Header" of the Amazon S3
 * API reference): pure, every input is handed in. The payload's SHA-256 is part of what is signed, so the server refuses bytes that
 * changed on the way.
 */
import { createHash, createHmac } from "node:crypto";

export interface S3Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Of temporary credentials. */
  readonly sessionToken?: string | undefined;
}

export interface SignedRequest {
  readonly method: string;
  readonly host: string;
  /** Already encoded, as it goes over the wire. */
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  /** Lower-case names; host, x-amz-date and x-amz-content-sha256 are added. */
  readonly headers: Readonly<Record<string, string>>;
  /** Lower-case hex. */
  readonly payloadSha256: string;
}

export interface SigningScope {
  readonly credentials: S3Credentials;
  readonly region: string;
  readonly nowMs: number;
}

const ALGORITHM = "AWS4-HMAC-SHA256";
const SERVICE = "s3";

/** The headers to send: those given, and the signature over all of them. */
export function signRequest(request: SignedRequest, { credentials, region, nowMs }: SigningScope): Readonly<Record<string, string>> {
  const time = new Date(nowMs).toISOString().replaceAll(/[-:]|\.\d+/g, ""); // 20130524T000000Z
  const day = time.slice(0, 8);
  const headers: Record<string, string> = { ...request.headers, host: request.host, "x-amz-content-sha256": request.payloadSha256, "x-amz-date": time };
  if (credentials.sessionToken !== undefined) headers["x-amz-security-token"] = credentials.sessionToken;
  const names = Object.keys(headers).toSorted();
  const canonical = [
    request.method, request.path, canonicalQuery(request.query),
    ...names.map((name) => `${name}:${headers[name]!.trim().replaceAll(/ +/g, " ")}`), "",
    names.join(";"), request.payloadSha256,
  ].join("\n");
  const scope = `${day}/${region}/${SERVICE}/aws4_request`;
  const text = [ALGORITHM, time, scope, createHash("sha256").update(canonical).digest("hex")].join("\n");
  const key = [day, region, SERVICE, "aws4_request"].reduce<string | Buffer>(hmac, `AWS4${credentials.secretAccessKey}`);
  const signature = createHmac("sha256", key).update(text).digest("hex");
  return { ...headers, authorization: `${ALGORITHM} Credential=${credentials.accessKeyId}/${scope},SignedHeaders=${names.join(";")},Signature=${signature}` };
}

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac("sha256", key).update(text).digest();
}

/** Sorted by encoded name; also the form to send. */
export function canonicalQuery(query: Readonly<Record<string, string>>): string {
  return Object.entries(query).map(([name, value]) => `${encodePart(name)}=${encodePart(value)}`).toSorted().join("&");
}

/** RFC 3986: everything but unreserved characters is escaped. */
export function encodePart(text: string): string {
  return encodeURIComponent(text).replaceAll(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** "a b/c$" → "/a%20b/c%24" */
export function encodePath(key: string): string {
  return `/${key.split("/").map(encodePart).join("/")}`;
}
