/**
 * Consumer checkpoints: a small file of lines `crc32 [log, group, nextOffset]`, appended by group commit and rewritten
 * when it has grown. The highest line of a group counts, so values never move backwards; a damaged line only means
 * that a consumer reads some records again. A checkpoint also proves that the records below it were durable.
 */
import { crc32 } from "node:zlib";
import type { Logger } from "../../ports/telemetry.ts";
import { replaceFile } from "./durable-file.ts";
import type { Files, OpenFile } from "./files.ts";
import { createGroupCommit } from "../../kernel/group-commit.ts";

export interface ConsumerCheckpoints {
  /** The durable checkpoint; 0 when there is none. */
  get(log: string, group: string): number;
  /** Resolves when it is durable; a value that is not higher than the durable one changes nothing. */
  commit(log: string, group: string, nextOffset: number): Promise<void>;
  /** The highest checkpoint of any group: every record of the log below it was durable. */
  highest(log: string): number;
  /** Finishes what is under way and closes the file. */
  close(): Promise<void>;
}

type Line = readonly [log: string, group: string, nextOffset: number];

/** Below this a rewrite saves nothing worth a rename. */
const REWRITE_ABOVE_BYTES = 256 * 1024;
/** And only when at most a quarter of the lines still count. */
const REWRITE_GROWTH = 4;

export async function openConsumerCheckpoints(path: string, context: { files: Files; logger: Logger }): Promise<ConsumerCheckpoints> {
  const { files, logger } = context;
  const durable = new Map<string, Line>();
  const contents = await files.contents(path);
  const parsed = parseLines(contents?.toString() ?? "");
  for (const line of parsed.lines) raise(durable, line);
  if (parsed.damaged > 0) logger.log("warn", `${parsed.damaged} consumer checkpoint line(s) in ${path} were damaged or torn; their consumers may read some records again`);

  let file: OpenFile | undefined = contents && parsed.damaged === 0 ? await files.open(path, "update") : undefined;
  let sizeBytes = contents?.length ?? 0;
  let rewrittenBytes = 0;

  const rewrite = async (lines: readonly Line[]): Promise<void> => {
    await closeFile();
    const next = new Map(durable);
    for (const line of lines) raise(next, line);
    const bytes = Buffer.from(Array.from(next.values(), formatLine).join(""));
    await replaceFile(files, path, [bytes]);
    file = await files.open(path, "update");
    sizeBytes = rewrittenBytes = bytes.length;
  };
  const extend = async (lines: readonly Line[], to: OpenFile): Promise<void> => {
    const bytes = Buffer.from(lines.map(formatLine).join(""));
    await to.write([bytes], sizeBytes);
    await to.datasync();
    sizeBytes += bytes.length;
  };
  const closeFile = async (): Promise<void> => {
    const closing = file;
    file = undefined;
    await closing?.close();
  };
  const hasGrown = (): boolean => sizeBytes > Math.max(REWRITE_ABOVE_BYTES, REWRITE_GROWTH * rewrittenBytes);

  const write = async (lines: readonly Line[]): Promise<void> => {
    try {
      if (file && !hasGrown()) await extend(lines, file);
      else await rewrite(lines);
    } catch (thrown) {
      await closeFile().catch(() => undefined); // after a failed sync the file is not trusted: the next write makes a new one
      throw thrown;
    }
    for (const line of lines) raise(durable, line);
  };
  const commits = createGroupCommit<Line>({ write, weigh: () => 1, maxWeight: 10_000 });

  const get = (log: string, group: string): number => durable.get(keyOf(log, group))?.[2] ?? 0;
  return {
    get,
    commit: async (log, group, nextOffset) => {
      if (nextOffset > get(log, group)) await commits.add([log, group, nextOffset]);
    },
    highest: (log) => Math.max(0, ...[...durable.values()].filter((line) => line[0] === log).map((line) => line[2])),
    close: async () => {
      await commits.drain();
      await closeFile();
    },
  };
}

function keyOf(log: string, group: string): string {
  return JSON.stringify([log, group]);
}

function raise(lines: Map<string, Line>, line: Line): void {
  const key = keyOf(line[0], line[1]);
  if (line[2] > (lines.get(key)?.[2] ?? -1)) lines.set(key, line);
}

function formatLine(line: Line): string {
  const text = JSON.stringify(line);
  return `${crc32(text).toString(16).padStart(8, "0")} ${text}\n`;
}

function parseLines(text: string): { lines: readonly Line[]; damaged: number } {
  const texts = text.split("\n");
  const torn = texts.pop() === "" ? 0 : 1;
  const lines = texts.map(parseLine).filter((line) => line !== undefined);
  return { lines, damaged: texts.length - lines.length + torn };
}

function parseLine(text: string): Line | undefined {
  const json = text.slice(9);
  if (text.slice(0, 9) !== `${crc32(json).toString(16).padStart(8, "0")} `) return undefined;
  return JSON.parse(json) as Line; // the checksum says that formatLine wrote it
}
