/** Signatures held against the worked examples of the Amazon S3 API reference (sig-v4-header-based-auth). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { sha256 } from "../../kernel/hash.ts";
import { canonicalQuery, encodePath, signRequest, type SignedRequest } from "./signature-v4.ts";

const scope = {
  credentials: { accessKeyId: "AKIAIOSFODNN7EXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY" },
  region: "us-east-1", nowMs: Date.UTC(2013, 4, 24),
};
const request = { method: "GET", host: "examplebucket.s3.amazonaws.com", path: "/", query: {}, headers: {}, payloadSha256: sha256("") };

const EXAMPLES: readonly (readonly [name: string, request: SignedRequest, signedHeaders: string, signature: string])[] = [
  ["GET Object", { ...request, path: "/test.txt", headers: { range: "bytes=0-9" } }, "host;range;x-amz-content-sha256;x-amz-date", "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"],
  [
    "PUT Object", { ...request, method: "PUT", path: encodePath("test$file.text"), headers: { date: "Fri, 24 May 2013 00:00:00 GMT", "x-amz-storage-class": "REDUCED_REDUNDANCY" }, payloadSha256: sha256("Welcome to Amazon S3.") },
    "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class", "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
  ],
  ["GET Bucket Lifecycle", { ...request, query: { lifecycle: "" } }, "host;x-amz-content-sha256;x-amz-date", "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"],
  ["List Objects", { ...request, query: { prefix: "J", "max-keys": "2" } }, "host;x-amz-content-sha256;x-amz-date", "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"],
];

for (const [name, example, signedHeaders, signature] of EXAMPLES) {
  test(`signs the example ${name} as published`, () => {
    const headers = signRequest(example, scope);
    assert.equal(headers["authorization"], `AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,SignedHeaders=${signedHeaders},Signature=${signature}`);
    assert.equal(headers["x-amz-date"], "20130524T000000Z");
  });
}

test("a session token is sent and signed; another secret, region, day or path signs otherwise", () => {
  const token = signRequest(request, { ...scope, credentials: { ...scope.credentials, sessionToken: "token" } });
  assert.equal(token["x-amz-security-token"], "token");
  assert.match(token["authorization"]!, /SignedHeaders=host;x-amz-content-sha256;x-amz-date;x-amz-security-token,/);
  const others = [
    signRequest(request, scope), token, signRequest(request, { ...scope, region: "eu-west-1" }), signRequest(request, { ...scope, nowMs: scope.nowMs + 86_400_000 }),
    signRequest(request, { ...scope, credentials: { ...scope.credentials, secretAccessKey: "other" } }), signRequest({ ...request, path: "/a" }, scope),
  ].map((headers) => headers["authorization"]!.split("Signature=")[1]);
  assert.equal(new Set(others).size, others.length);
});

test("paths and queries are escaped as the reference says", () => {
  assert.equal(encodePath("photos/Jan uary/ключ(1)!'*~"), "/photos/Jan%20uary/%D0%BA%D0%BB%D1%8E%D1%87%281%29%21%27%2A~");
  assert.equal(canonicalQuery({ uploadId: "a/b=", partNumber: "2", uploads: "" }), "partNumber=2&uploadId=a%2Fb%3D&uploads=");
});
