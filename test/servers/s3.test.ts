/** The S3 blob store against a real server: the port's suite, and what is S3's own. */
import assert from "node:assert/strict";
import { readdir, readFile, truncate, writeFile } from "node:fs/promises";
import { createServer, request, type IncomingMessage } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { after, test } from "node:test";
import { openS3BlobStore, type S3BlobStoreOptions } from "../../src/engines/s3/blob-store.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import { sha256 } from "../../src/kernel/hash.ts";
import { blobStoreConformance } from "../conformance/blob-store.ts";
import { temporaryFolder } from "../conformance/temporary-folder.ts";
import { openS3Server } from "./s3.ts";

const opened = await openS3Server();
if ("obstacle" in opened) {
  test("S3", { skip: opened.obstacle });
} else {
  const { server } = opened;
  after(() => server[Symbol.asyncDispose]());
  const optionsOf = (bucket: string, more: Partial<S3BlobStoreOptions> = {}): S3BlobStoreOptions => ({ bucket, endpoint: server.endpoint, credentials: server.credentials, clock: systemClock, ...more });

  blobStoreConformance("S3", async () => {
    const options = optionsOf(await server.newBucket(), { prefix: "shop/bl obs", partBytes: 5 * 1024 * 1024 }); // the suite's large file goes in parts
    const stores: AsyncDisposable[] = [];
    return {
      open: async () => {
        const store = await openS3BlobStore(options);
        stores.push(store);
        return store;
      },
      [Symbol.asyncDispose]: async () => { for (const store of stores) await store[Symbol.asyncDispose](); },
    };
  });

  test("what is there whole is not sent again; what was damaged there is never handed out, and healed by putting it again", async () => {
    const bucket = await server.newBucket();
    await using store = await openS3BlobStore(optionsOf(bucket));
    await using folder = await temporaryFolder();
    const bytes = Buffer.from("the artifact of a model");
    const digest = await store.put(bytes);
    const path = join(server.folder, bucket, digest.slice(0, 2), digest);
    await writeFile(path, "THE ARTIFACT OF A MODEL");
    await assert.rejects(store.get(digest), { code: "BLOB_CORRUPT" });
    await assert.rejects(store.getFile(digest, join(folder.path, "out")), { code: "BLOB_CORRUPT" });
    assert.deepEqual(await readdir(folder.path), []);
    await truncate(path, 5);
    await store.put(bytes);
    assert.ok(bytes.equals(await store.get(digest)));
    assert.equal(sha256(await readFile(path)), digest);
  });

  test("a wrong secret, a missing bucket and a server that is not there are told apart", async () => {
    const bucket = await server.newBucket();
    const wrong = { ...server.credentials, secretAccessKey: "wrong" };
    await assert.rejects(openS3BlobStore(optionsOf(bucket, { credentials: wrong })), { code: "ENGINE_REFUSED", message: /403/ });
    await assert.rejects(openS3BlobStore(optionsOf("nothing-here")), { code: "ENGINE_REFUSED", message: /there is no bucket "nothing-here"/ });
    await assert.rejects(openS3BlobStore(optionsOf(bucket, { endpoint: "http://127.0.0.1:1", attempts: 2 })), { code: "ENGINE_UNREACHABLE", message: /ECONNREFUSED/ });
  });

  test("broken and throttled requests are tried again, and a broken download is resumed where it broke", async () => {
    const bucket = await server.newBucket();
    const troubles = { left: 0, cut: false, seen: [] as string[] };
    const proxy = createServer((incoming, response) => void (async () => {
      troubles.seen.push(`${incoming.method} ${incoming.headers.range ?? ""}`.trim());
      const pieces: Buffer[] = [];
      for await (const piece of incoming) pieces.push(piece as Buffer);
      const body = Buffer.concat(pieces);
      if (troubles.left-- > 0) return void response.writeHead(503, { "content-type": "application/xml" }).end("<Error><Code>SlowDown</Code></Error>");
      const answer = await passOn(server.endpoint, incoming, body);
      response.writeHead(answer.status, answer.headers);
      const { bytes } = answer;
      if (!troubles.cut || incoming.method !== "GET") return void response.end(bytes);
      troubles.cut = false;
      response.write(bytes.subarray(0, bytes.length / 2), () => response.destroy());
    })());
    proxy.listen(0, "127.0.0.1");
    await once(proxy, "listening");
    const address = `127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    await using store = await openS3BlobStore(optionsOf(bucket, { endpoint: `http://${address}` })).catch(async (thrown: unknown) => {
      proxy.close();
      throw thrown;
    });
    await using folder = await temporaryFolder();
    const bytes = Buffer.alloc(3_000_000, "resumed");
    troubles.left = 2;
    const digest = await store.put(bytes);
    troubles.seen.length = 0;
    troubles.cut = true;
    await store.getFile(digest, join(folder.path, "out"));
    assert.ok(bytes.equals(await readFile(join(folder.path, "out"))));
    assert.equal(troubles.seen.length, 2);
    assert.match(troubles.seen[1]!, /^GET bytes=\d+-$/);
    troubles.cut = true;
    assert.ok(bytes.equals(await store.get(digest)));
    proxy.close();
    proxy.closeAllConnections();
  });
}

/** The same request, host and all: the signature covers them. */
async function passOn(endpoint: string, { method, url, headers }: IncomingMessage, body: Buffer) {
  const { hostname, port } = new URL(endpoint);
  const sent = request({ method, path: url, hostname, port, headers });
  sent.end(body);
  const [answer] = await once(sent, "response") as [IncomingMessage];
  const pieces: Buffer[] = [];
  for await (const piece of answer) pieces.push(piece as Buffer);
  return { status: answer.statusCode ?? 0, headers: answer.headers, bytes: Buffer.concat(pieces) };
}
