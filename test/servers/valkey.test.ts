/** The Valkey engines against a real server: the ports' suites, and what is Valkey's own. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { openValkeyOnlineStore } from "../../src/engines/valkey/online-store.ts";
import { openValkeyRateLimiter } from "../../src/engines/valkey/rate-limiter.ts";
import { onlineStoreConformance } from "../conformance/online-store.ts";
import { rateLimiterConformance } from "../conformance/rate-limiter.ts";
import { openValkeyServer } from "./valkey.ts";

const opened = await openValkeyServer();
if ("obstacle" in opened) {
  test("Valkey", { skip: opened.obstacle });
} else {
  const { server } = opened;
  after(() => server[Symbol.asyncDispose]());
  let places = 0;
  /** Each place has keys of its own on the one server. */
  const prefix = (): string => `place${++places}`;

  onlineStoreConformance("Valkey", async () => {
    const options = { url: server.url, prefix: prefix() };
    return { isShared: true, open: () => openValkeyOnlineStore(options), [Symbol.asyncDispose]: async () => undefined };
  });

  rateLimiterConformance("Valkey", async () => {
    const options = { url: server.url, prefix: prefix() };
    return { open: () => openValkeyRateLimiter(options), [Symbol.asyncDispose]: async () => undefined };
  });

  test("settings that lose what was acknowledged are warned about when the store is opened", async () => {
    const careless = await openValkeyServer({ appendonly: "no", "maxmemory-policy": "allkeys-lru" });
    assert.ok("server" in careless);
    await using loose = careless.server;
    const warningsOf = async (url: string): Promise<readonly string[]> => {
      const warnings: string[] = [];
      const store = await openValkeyOnlineStore({ url, logger: { log: (_, message) => warnings.push(message) } });
      await store.close();
      return warnings;
    };
    assert.deepEqual(await warningsOf(server.url), []);
    const warnings = await warningsOf(loose.url);
    assert.match(warnings.join("\n"), /appendonly is off[^]*allkeys-lru/);
  });

  test("a write that no replica confirms is refused, although repeating it is harmless", async () => {
    const store = await openValkeyOnlineStore({ url: server.url, prefix: prefix(), replicas: 1 });
    const write = { view: "v", partition: 0, epoch: 1, offsets: { log: 1 }, entries: [{ key: "a", bytes: Buffer.from("a") }] };
    await assert.rejects(store.write(write), { code: "STORE_FAILED", message: /0 of 1 replicas/ });
    await store.close();
  });

  test("without the package, and without a server, the error says what to do", async () => {
    await assert.rejects(openValkeyOnlineStore({ url: server.url, importPackage: () => Promise.reject(new Error("no")) }), { code: "RUNTIME_MISSING", hint: /npm install ioredis/ });
    await assert.rejects(openValkeyRateLimiter({ url: "redis://127.0.0.1:1", timeoutMs: 500 }), { code: "ENGINE_UNREACHABLE", message: /ECONNREFUSED/ });
  });

  test("commands wait for a server that comes back, and fail with their code when it does not", async () => {
    const another = await openValkeyServer();
    assert.ok("server" in another);
    await using fragile = another.server;
    const store = await openValkeyOnlineStore({ url: fragile.url });
    const hasty = await openValkeyOnlineStore({ url: fragile.url, timeoutMs: 300 });
    const write = (offset: number): Promise<void> => store.write({ view: "v", partition: 0, epoch: 1, offsets: { log: offset }, entries: [{ key: "a", bytes: Buffer.from([offset]) }] });
    await write(1);
    await fragile.process.kill();
    await assert.rejects(hasty.read("v", ["a"]), { code: "STORE_FAILED" });
    const waiting = write(2);
    await fragile.process.start();
    await waiting;
    assert.deepEqual((await hasty.read("v", ["a"])).map((bytes) => [...bytes!]), [[2]]);
    await Promise.all([store.close(), hasty.close()]);
  });
}
