/**
 * The point-in-time join beside Feast's: the same Parquet files of readings and labels, the same ttl, taken in turns, and
 * every cell of both compared with the rule written down in SQL: the latest reading within the ttl, and of equal times the
 * one created last. Of equal times Feast does not always take that one. Feast comes from PyPI and runs its own `get_historical_features` over its
 * file offline store (Dask), in a process of its own; so does Strata's side, so that each reports its own memory.
 *
 *   node --conditions=source bench/peers/point-in-time.ts [--labels 100000] [--rows 1000000] [--devices 10000] [--rounds 3] [--skew 0|1]
 */
import { execFile } from "node:child_process";
import { mkdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs, promisify } from "node:util";
import { defineEntity, defineFeatureView, defineStream, last, z } from "strata";
import { createPointInTimeIndex, createRandom, openDuckdbAnalytics } from "strata/testing";
import { createPeerCache } from "./peer-cache.ts";

const run = promisify(execFile);
const FEAST = "feast==0.66.0";
const DAY_MS = 86_400_000;
const SPAN_MS = 180 * DAY_MS;
const TTL_DAYS = 30;

const { values: flags } = parseArgs({ options: {
  labels: { type: "string", default: "100000" }, rows: { type: "string", default: "1000000" }, devices: { type: "string", default: "10000" }, rounds: { type: "string", default: "3" },
  skew: { type: "string", default: "0" }, seed: { type: "string", default: "1" }, cache: { type: "string", default: join(tmpdir(), "strata-bench-peers") }, join: { type: "string" },
} });
if (flags.join === undefined) await compare();
else await joinHere(flags.join);

async function compare(): Promise<void> {
  const say = (text: string): void => void process.stderr.write(`${text}\n`);
  const cache = createPeerCache(flags.cache, say);
  const environment = await cache.python("feast-join", [FEAST]);
  const folder = await cache.fresh("point-in-time-data");
  await mkdir(join(folder, "tmp"), { recursive: true });
  try {
    say("writing the readings and the labels");
    await writeData(folder);
    for (let round = 1; round <= Number(flags.rounds); round++) {
      say(`round ${round}: Strata`);
      const ours = JSON.parse((await run(process.execPath, ["--conditions=source", import.meta.filename, "--join", folder], { maxBuffer: 1 << 24 })).stdout) as Figures;
      say(`round ${round}: Feast`);
      const { stdout } = await run(join(environment.bin, "python"), [join(import.meta.dirname, "feast_join.py"), folder, String(TTL_DAYS)], { maxBuffer: 1 << 24, env: { ...process.env, FEAST_USAGE: "False" } });
      const theirs = JSON.parse(stdout.trim().split("\n").at(-1)!) as Figures;
      const { oursWrong, feastWrong, cells, missing } = await differences(folder);
      console.log(JSON.stringify({ contender: "strata", ...figuresOf(ours), wrongCells: oursWrong }));
      console.log(JSON.stringify({ contender: `feast ${environment.versions.get("feast") ?? ""}`, ...figuresOf(theirs), wrongCells: feastWrong }));
      console.log(JSON.stringify({ contender: "both", labels: Number(flags.labels), rows: Number(flags.rows), cells, missing, timesFaster: Math.round(theirs.seconds / ours.seconds * 10) / 10 }));
      if (oursWrong > 0) process.exitCode = 1;
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

interface Figures {
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly peakMemoryMiB: number;
}

function figuresOf({ seconds, cpuSeconds, peakMemoryMiB }: Figures): Readonly<Record<string, number>> {
  return { joinMs: Math.round(seconds * 1_000), cpuMs: Math.round(cpuSeconds * 1_000), labelsPerSecond: Math.round(Number(flags.labels) / seconds), peakMemoryMiB: Math.round(peakMemoryMiB) };
}

/** Times on whole minutes, so that ties are frequent; of equal times the row created last counts, in both. */
async function writeData(folder: string): Promise<void> {
  const random = createRandom(Number(flags.seed));
  const [rows, labels, devices] = [Number(flags.rows), Number(flags.labels), Number(flags.devices)];
  const draw = flags.skew === "1" ? (): number => Math.min(devices - 1, Math.floor(Math.exp(random.next() * Math.log(devices + 1))) - 1) : (): number => random.integer(devices);
  const dictionary = Array.from({ length: devices }, (_, device) => `device-${device}`);
  const minutes = SPAN_MS / 60_000;
  await using analytics = openDuckdbAnalytics({ temporaryFolder: join(folder, "tmp") });
  const number = (length: number, make: (row: number) => number) => ({ kind: "number" as const, values: Float64Array.from({ length }, (_, row) => make(row)) });
  await analytics.writeTable(join(folder, "plain-readings.parquet"), { rows, columns: {
    device: { kind: "text", codes: Int32Array.from({ length: rows }, draw), dictionary }, time: number(rows, (row) => Math.floor((row / rows) * minutes) * 60_000), position: number(rows, (row) => row),
    value: number(rows, () => Math.round(random.next() * 10_000) / 100), state: { kind: "text", codes: Int32Array.from({ length: rows }, () => random.integer(3)), dictionary: ["busy", "idle", "off"] },
  } });
  await analytics.writeTable(join(folder, "plain-labels.parquet"), { rows: labels, columns: {
    device: { kind: "text", codes: Int32Array.from({ length: labels }, draw), dictionary }, time: number(labels, () => random.integer(minutes) * 60_000), label: number(labels, (row) => row),
  } });
  const timestamp = (sql: string): string => `make_timestamp(CAST((${sql}) * 1000 AS BIGINT))`;
  const write = (name: string, sql: string) => analytics.writeQuery(join(folder, `${name}.parquet`), { sql, tables: { plain: [join(folder, `plain-${name}.parquet`)] } });
  await write("readings", `SELECT device, ${timestamp("time")} AS event_timestamp, ${timestamp("time + position / 1000")} AS created, value, state FROM plain`);
  await write("labels", `SELECT device, ${timestamp("time")} AS event_timestamp, CAST(label AS BIGINT) AS label FROM plain`);
}

/** Strata's side, in a process of its own: from the files to the joined columns. */
async function joinHere(folder: string): Promise<void> {
  const cpu = process.cpuUsage();
  const begin = performance.now();
  await using analytics = openDuckdbAnalytics({ temporaryFolder: join(folder, "tmp") });
  const read = (name: string, sql: string) => analytics.query({ sql, tables: { plain: [join(folder, `${name}.parquet`)] } });
  const readings = await read("readings", "SELECT device, epoch_ms(event_timestamp) AS time, value, state FROM plain");
  const labels = await read("labels", "SELECT device, epoch_ms(event_timestamp) AS time, label FROM plain");
  const view = defineFeatureView("readings", {
    entities: [defineEntity("device")], from: defineStream("readings", { schema: z.object({ device: z.string(), value: z.number(), state: z.string() }) }), by: (e) => ({ device: e.device }),
    features: (e) => ({ value: last(e.value), state: last(e.state) }), ttl: `${TTL_DAYS}d`,
  });
  const { device, value, state } = readings.columns;
  const timesMs = numbersOf(readings.columns["time"]!);
  const index = createPointInTimeIndex(view, { rows: readings.rows, offsets: Float64Array.from({ length: readings.rows }, (_, row) => row), timesMs, knownAtMs: timesMs, columns: { device: device!, value: value!, state: state! } }, { known: "time" });
  const asked = numbersOf(labels.columns["time"]!);
  const joined = index.query({ entities: index.resolve([labels.columns["device"]!]), timesMs: asked, knownLimits: asked });
  const seconds = (performance.now() - begin) / 1_000;
  const { user, system } = process.cpuUsage(cpu);
  await analytics.writeTable(join(folder, "strata.parquet"), { rows: labels.rows, columns: { label: labels.columns["label"]!, ...joined } });
  console.log(JSON.stringify({ seconds, cpuSeconds: (user + system) / 1e6, peakMemoryMiB: process.resourceUsage().maxRSS / 1_024 }));
}

type Column = Awaited<ReturnType<ReturnType<typeof openDuckdbAnalytics>["query"]>>["columns"][string];

function numbersOf(column: Column): Float64Array {
  if (column.kind !== "number") throw new Error("a column of numbers was expected");
  return column.values;
}

interface Differences {
  /** Cells that are not what the rule says. */
  readonly oursWrong: number;
  readonly feastWrong: number;
  readonly cells: number;
  readonly missing: number;
}

async function differences(folder: string): Promise<Differences> {
  await using analytics = openDuckdbAnalytics({ temporaryFolder: join(folder, "tmp") });
  const wrong = (side: string): string => `sum((t.value IS DISTINCT FROM ${side}.value)::INT + (t.state IS DISTINCT FROM ${side}.state)::INT)`;
  const sql = `WITH truth AS (
      SELECT l.label, r.value, r.state FROM labels l LEFT JOIN readings r ON r.device = l.device AND r.event_timestamp <= l.event_timestamp AND r.event_timestamp >= l.event_timestamp - INTERVAL ${TTL_DAYS} DAY
      QUALIFY row_number() OVER (PARTITION BY l.label ORDER BY r.event_timestamp DESC, r.created DESC) = 1)
    SELECT count(*) * 2 AS cells, ${wrong("o")} AS ours, ${wrong("f")} AS feast, sum((t.value IS NULL)::INT + (t.state IS NULL)::INT) AS missing
    FROM truth t LEFT JOIN ours o ON o.label = t.label LEFT JOIN feast f ON f.label = t.label`;
  const file = (name: string): readonly string[] => [join(folder, `${name}.parquet`)];
  const { columns } = await analytics.query({ sql, tables: { labels: file("labels"), readings: file("readings"), ours: file("strata"), feast: file("feast") } });
  const figure = (name: string): number => numbersOf(columns[name]!)[0]!;
  return { cells: figure("cells"), oursWrong: figure("ours"), feastWrong: figure("feast"), missing: figure("missing") };
}
