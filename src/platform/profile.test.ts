/** Profiles: what is read from their files and variables, and what is refused with a sentence. */
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { EMBEDDED_PROFILE, loadProfile, maskAddress, profileEntries } from "./profile.ts";

const folder = await mkdtemp(join(tmpdir(), "strata-profile-"));
after(() => rm(folder, { recursive: true, force: true }));

async function fileOf(content: unknown): Promise<string> {
  const file = join(folder, `${performance.now()}.json`);
  await writeFile(file, typeof content === "string" ? content : JSON.stringify(content));
  return file;
}

const FULL = {
  log: "nats://events:4222?replicas=3", database: "postgres://app:${DATABASE_PASSWORD}@db/shop", ledger: "${LEDGER_URL}", states: "postgres://db/shop",
  blobs: "s3://shop/blobs?endpoint=https://s3.example", online: "redis://cache:6379/0", limits: "valkey://cache:6379/1",
};

test("addresses come with their variables filled in, and are shown without secrets", async () => {
  const profile = loadProfile(await fileOf(FULL), { DATABASE_PASSWORD: "p@ss/word", LEDGER_URL: "postgres://ledger:geheim@other/books" });
  assert.equal(decodeURIComponent(profile.addresses.database!.password), "p@ss/word");
  assert.equal(profile.addresses.ledger?.host, "other");
  const shown = JSON.stringify(profileEntries(profile));
  assert.doesNotMatch(shown, /geheim|p@ss|p%40ss/);
  assert.match(shown, /postgres:\/\/ledger:\*\*\*@other\/books/);
  assert.equal(maskAddress(profile.addresses.blobs!), FULL.blobs);
});

test("a file may hold several profiles by name; what is left out stays embedded", async () => {
  const file = await fileOf({ production: { database: "postgres://db/shop" }, staging: {} });
  const entries = profileEntries(loadProfile(`${file}#production`, {}));
  assert.deepEqual(entries.filter(({ value }) => value !== "embedded").map(({ key, value }) => [key, value]), [["profile.database", "postgres://db/shop"]]);
  assert.deepEqual(loadProfile(`${file}#staging`, {}).addresses, {});
  assert.throws(() => loadProfile(`${file}#live`, {}), { code: "NOT_FOUND", hint: "Known: production, staging." });
  assert.equal(loadProfile("", {}), EMBEDDED_PROFILE);
});

test("all problems are told together: unknown keys and servers, missing variables, secrets in the text, no addresses", async () => {
  const refused = (content: unknown): Promise<unknown> => fileOf(content).then((file) => {
    try {
      return loadProfile(file, { SET: "x" });
    } catch (thrown) {
      return (thrown as { problems: readonly { message: string }[] }).problems.map(({ message }) => message).join("; ");
    }
  });
  assert.match(String(await refused({ logs: "nats://a" })), /Unrecognized key: "logs"/);
  assert.equal(await refused({
    log: "redis://a", database: "postgres://app:secret@db/shop", ledger: "postgres://app:${MISSING}@db/${ALSO}", online: "cache", limits: "redis://:${SET}@cache",
  }), "redis:// is not known here; use nats:// or kafka://; a password stands in the text; put it into a variable and write ${NAME} in its place; the variable MISSING and ALSO is not set; it is not an address like scheme://host/name");
  await assert.rejects(async () => loadProfile(join(folder, "nothing.json"), {}), { code: "FILE_NOT_FOUND" });
  await assert.rejects(async () => loadProfile(await fileOf("{"), {}), { code: "FILE_INVALID" });
});
