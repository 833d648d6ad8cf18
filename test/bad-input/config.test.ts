/** Configurations that are not: each problem is named with where it came from, and all of them are told at once. */
import assert from "node:assert/strict";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { isStrataError } from "strata";
import { loadConfig } from "strata/testing";
import { temporaryFolder } from "../scenarios/platform-kit.ts";

interface BadConfig {
  readonly name: string;
  /** A value is written as JSON, text as it is. */
  readonly file?: unknown;
  readonly environment?: Readonly<Record<string, string>>;
  readonly flags?: Readonly<Record<string, unknown>>;
  /** "path source" of each problem. */
  readonly problems: readonly string[];
}

const FILE = "strata.json";

const TABLE: readonly BadConfig[] = [
  // from the file
  { name: "a setting that is none", file: { prot: 1 }, problems: [`prot ${FILE}`] },
  { name: "a port that is text", file: { port: "many" }, problems: [`port ${FILE}`] },
  { name: "a port that is true", file: { port: true }, problems: [`port ${FILE}`] },
  { name: "a port that is null", file: { port: null }, problems: [`port ${FILE}`] },
  { name: "a port that is a list", file: { port: [4180] }, problems: [`port ${FILE}`] },
  { name: "a port that is an empty list", file: { port: [] }, problems: [`port ${FILE}`] },
  { name: "half a port", file: { port: 80.5 }, problems: [`port ${FILE}`] },
  { name: "a negative port", file: { port: -1 }, problems: [`port ${FILE}`] },
  { name: "a port beyond all ports", file: { port: 65_536 }, problems: [`port ${FILE}`] },
  { name: "a host that is a number", file: { host: 1 }, problems: [`host ${FILE}`] },
  { name: "an empty folder name", file: { dataDir: "" }, problems: [`dataDir ${FILE}`] },
  { name: "no time between checkpoints", file: { checkpointSeconds: 0 }, problems: [`checkpointSeconds ${FILE}`] },
  { name: "a body limit that fits nothing", file: { maxBodyBytes: 10 }, problems: [`maxBodyBytes ${FILE}`] },
  { name: "a level that is none", file: { logLevel: "loud" }, problems: [`logLevel ${FILE}`] },
  { name: "settings in a prototype", file: `{"__proto__": {"port": 99}}`, problems: [`__proto__ ${FILE}`] },
  // from the environment
  { name: "a variable that is none", environment: { STRATA_PROT: "1" }, problems: ["STRATA_PROT environment"] },
  { name: "a port that is a word", environment: { STRATA_PORT: "http" }, problems: ["port STRATA_PORT"] },
  { name: "an empty port", environment: { STRATA_PORT: "" }, problems: ["port STRATA_PORT"] },
  { name: "a blank port", environment: { STRATA_PORT: "  " }, problems: ["port STRATA_PORT"] },
  { name: "a port in hexadecimal", environment: { STRATA_PORT: "0x50" }, problems: ["port STRATA_PORT"] },
  { name: "a port with a unit", environment: { STRATA_PORT: "80 tcp" }, problems: ["port STRATA_PORT"] },
  { name: "infinitely many threads", environment: { STRATA_TRAINING_THREADS: "Infinity" }, problems: ["trainingThreads STRATA_TRAINING_THREADS"] },
  { name: "an empty host", environment: { STRATA_HOST: "" }, problems: ["host STRATA_HOST"] },
  // from flags
  { name: "a flag that is none", flags: { prot: 1 }, problems: ["prot --prot"] },
  { name: "a port that is not a number", flags: { port: Number.NaN }, problems: ["port --port"] },
  { name: "a level in capitals", flags: { logLevel: "WARN" }, problems: ["logLevel --log-level"] },
  // all together; the last source counts
  {
    name: "something wrong everywhere", file: { prot: 1, listeners: 0, port: "x" }, environment: { STRATA_DAILY_TRAININGS: "-3", STRATA_NOTHING: "" }, flags: { port: 70_000, host: "" },
    problems: [`prot ${FILE}`, `listeners ${FILE}`, "port --port", "host --host", "dailyTrainings STRATA_DAILY_TRAININGS", "STRATA_NOTHING environment"],
  },
];

async function load(folder: string, { file, environment = {}, flags = {} }: Omit<BadConfig, "name" | "problems">) {
  const path = join(folder, FILE);
  if (file !== undefined) await writeFile(path, typeof file === "string" ? file : JSON.stringify(file));
  return loadConfig({ ...(file === undefined ? {} : { file: path }), environment, flags });
}

for (const { name, problems, ...sources } of TABLE) {
  test(`configuration: ${name}`, async () => {
    await using folder = await temporaryFolder();
    const before = new Set(await readdir(folder.path));
    await assert.rejects(load(folder.path, sources), (thrown) => {
      assert.ok(isStrataError(thrown), String(thrown));
      assert.equal(thrown.code, "CONFIG_INVALID");
      const found = thrown.problems.map(({ path, message }) => `${path} ${/from ([^;)]+)/.exec(message)?.[1]?.replace(/^.*[/\\]/, "")}`);
      assert.deepEqual(found.toSorted(), [...problems].toSorted(), thrown.message);
      for (const { path } of thrown.problems) assert.ok(thrown.message.includes(path), "the message names every place");
      return true;
    });
    assert.deepEqual((await readdir(folder.path)).filter((entry) => entry !== FILE && !before.has(entry)), [], "no folder was made");
  });
}

test("files that hold no configuration", async () => {
  await using folder = await temporaryFolder();
  const path = join(folder.path, FILE);
  const codeOf = (isFileRequired = true): string => {
    try {
      loadConfig({ file: path, isFileRequired, environment: {}, flags: {} });
      return "none";
    } catch (thrown) {
      return isStrataError(thrown) ? thrown.code : String(thrown);
    }
  };
  assert.deepEqual([codeOf(true), codeOf(false)], ["FILE_NOT_FOUND", "none"], "missing");
  for (const text of ["", "{", "[]", "null", "\"port\"", "{\"port\": 1} x", "\u0000\u0001"]) {
    await writeFile(path, text);
    assert.equal(codeOf(), "FILE_INVALID", JSON.stringify(text));
  }
  await mkdir(join(folder.path, "folder"));
  assert.throws(() => loadConfig({ file: join(folder.path, "folder"), environment: {}, flags: {} }), (thrown) => isStrataError(thrown) && ["FILE_UNREADABLE", "FILE_INVALID"].includes(thrown.code), "a folder");
});

test("what is good is read, whatever is around it", async () => {
  await using folder = await temporaryFolder();
  const { config, entries } = await load(folder.path, {
    file: { port: 4_000, host: "::1" }, environment: { STRATA_PORT: "4001", STRATA_CONTROL_SECONDS: "0.5", PATH: "/bin", STRATAX: "1" }, flags: { port: "4002", dataDir: undefined },
  });
  assert.deepEqual([config.port, config.host, config.controlSeconds, config.dataDir], [4_002, "::1", 0.5, ".strata"]);
  assert.deepEqual(entries.filter(({ source }) => source !== "default").map(({ key, source }) => `${key} ${source.replace(/^.*[/\\]/, "")}`), [`host ${FILE}`, "port --port", "controlSeconds STRATA_CONTROL_SECONDS"]);
  assert.ok(Object.isFrozen(config));
});
