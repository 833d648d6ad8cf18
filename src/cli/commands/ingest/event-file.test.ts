import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { isStrataError, type ErrorCode } from "../../../kernel/errors.ts";
import { openByteSource } from "./byte-source.ts";
import { formatOf } from "./event-file.ts";

test("the name's ending tells the format, else how the text begins", () => {
  const cases = [
    ["a.ndjson", "", "ndjson"], ["a.JSONL.gz", "", "ndjson"], ["a.csv.gz", "", "csv"], ["a.json", "{}", "json"], ["a.tsv", "", "csv"],
    ["-", "  [1", "json"], ["-", "{\"a\":1}\n{\"a\":2}", "ndjson"], ["-", "{\"a\":1}", "ndjson"], ["-", "{\n \"a\":1}", "json"], ["-", "a,b\n", "csv"], ["a.txt", "{\"a\":1} \r\n", "ndjson"],
    ["constructor", "a,b", "csv"],
  ] as const;
  for (const [path, head, format] of cases) assert.equal(formatOf(path, Buffer.from(head)), format, `${path} ${head}`);
});

async function* stdinOf(...chunks: readonly (string | Uint8Array)[]): AsyncGenerator<string | Uint8Array> {
  yield* chunks;
}

async function textOf(path: string, workingDirectory: string, stdin = stdinOf()) {
  const source = await openByteSource(path, { stdin, workingDirectory });
  const chunks: Buffer[] = [];
  for await (const chunk of source.chunks) chunks.push(chunk);
  return { text: Buffer.concat(chunks).toString(), source };
}

async function refused(work: Promise<unknown>, code: ErrorCode, message: RegExp): Promise<void> {
  await assert.rejects(work, (thrown) => isStrataError(thrown) && thrown.code === code && message.test(thrown.message));
}

test("files are read plain and compressed, without a byte order mark, and can be told apart", async () => {
  const folder = await mkdtemp(join(tmpdir(), "strata-file-"));
  try {
    const long = "größe ".repeat(100_000);
    await writeFile(join(folder, "plain"), `\uFEFF${long}`);
    await writeFile(join(folder, "zipped"), gzipSync(long));
    await writeFile(join(folder, "short"), "x");
    await writeFile(join(folder, "empty"), "");
    const plain = await textOf("plain", folder);
    assert.equal(plain.text, long);
    assert.ok(plain.source.head.toString().startsWith("größe "));
    assert.equal(plain.source.readBytes(), plain.source.sizeBytes);
    const zipped = await textOf("zipped", folder);
    assert.equal(zipped.text, long);
    assert.equal(zipped.source.readBytes(), zipped.source.sizeBytes, "progress counts what lies on the disk");
    assert.equal((await textOf("short", folder)).text, "x");
    assert.equal((await textOf("empty", folder)).text, "");
    assert.equal((await textOf("plain", folder)).source.identity, plain.source.identity);
    assert.notEqual(zipped.source.identity, plain.source.identity);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("stdin is read in whatever pieces it comes", async () => {
  const { text, source } = await textOf("-", "/", stdinOf("\uFEFF", "a", Buffer.from("b"), "c"));
  assert.equal(text, "abc");
  assert.equal(source.sizeBytes, undefined);
  assert.equal(source.identity, undefined);
  const zipped = gzipSync("events");
  assert.equal((await textOf("-", "/", stdinOf(zipped.subarray(0, 1), zipped.subarray(1, 9), zipped.subarray(9)))).text, "events");
});

test("what cannot be read says why", async () => {
  const folder = await mkdtemp(join(tmpdir(), "strata-file-"));
  try {
    await writeFile(join(folder, "cut.gz"), gzipSync("events ".repeat(1000)).subarray(0, 30));
    await writeFile(join(folder, "bad.gz"), Buffer.concat([Buffer.from([0x1f, 0x8b]), Buffer.from("no gzip at all")]));
    await writeFile(join(folder, "utf16.csv"), Buffer.from("\uFEFFid,price", "utf16le"));
    await refused(textOf("nothing", folder), "FILE_NOT_FOUND", /There is no file nothing\./);
    await refused(textOf(".", folder), "FILE_UNREADABLE", /\. cannot be read: it is a folder/);
    await refused(textOf("cut.gz", folder), "FILE_INVALID", /cut\.gz is not a valid gzip file: it ends too early/);
    await refused(textOf("bad.gz", folder), "FILE_INVALID", /bad\.gz is not a valid gzip file/);
    await refused(textOf("utf16.csv", folder), "FILE_INVALID", /not a valid UTF-8 file: it begins with the mark of UTF-16/);
  } finally {
    await rm(folder, { recursive: true });
  }
});
