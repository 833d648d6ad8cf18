/**
 * State checkpoints in one folder: per name the newest file and the one before it.
 *
 *   <name>.checkpoint, <name>.previous
 *   0 magic u32 | 4 version u32 | 8 crc u32 over everything after it | 12 header length u32 | header (JSON: name, offsets) | bytes
 *
 * A save is written beside, synced and renamed, so a crash leaves the old checkpoint or the new one. When the newest
 * is damaged the one before it is served: its offsets are older, and its owner replays the log from there.
 * One process at a time: the caller holds the data folder's lock.
 */
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { StrataError } from "../../kernel/errors.ts";
import type { StateCheckpoint, StateStore } from "../../ports/state-store.ts";
import { silentLogger, type Logger } from "../../ports/telemetry.ts";
import { removeLeftovers, writeBeside } from "./durable-file.ts";
import { fileNameOf, nameOfFile } from "./file-name.ts";
import { nodeFiles, type Files } from "./files.ts";

export interface EmbeddedStateStoreOptions {
  readonly folder: string;
  readonly logger?: Logger;
  /** Tests make writes and syncs fail here. */
  readonly files?: Files;
}

const NEWEST = ".checkpoint";
const PREVIOUS = ".previous";

/** Opens or creates the folder. `save` reads the bytes until it resolves: do not change them before. */
export async function openEmbeddedStateStore(options: EmbeddedStateStoreOptions): Promise<StateStore> {
  const { folder, logger = silentLogger, files = nodeFiles } = options;
  await files.makeFolder(folder);
  await removeLeftovers(files, folder);
  const inTurn = createTurns();
  /** Names whose newest file was written or verified by this process. */
  const whole = new Set<string>();

  const pathsOf = (name: string) => {
    const stem = join(folder, fileNameOf(name));
    return { newest: stem + NEWEST, previous: stem + PREVIOUS };
  };
  const read = async (path: string, name: string): Promise<StateCheckpoint | string | undefined> => {
    const contents = await files.contents(path);
    return contents && decodeCheckpoint(contents, name);
  };

  const save = async (name: string, checkpoint: StateCheckpoint): Promise<void> => {
    const { newest, previous } = pathsOf(name);
    const temporary = await writeBeside(files, newest, encodeCheckpoint(name, checkpoint));
    const keep = whole.delete(name) || typeof await read(newest, name) === "object"; // a damaged one must not push out a whole one
    if (keep) await files.rename(newest, previous);
    await files.rename(temporary, newest);
    await files.syncFolder(folder);
    whole.add(name);
  };
  const load = async (name: string): Promise<StateCheckpoint | undefined> => {
    const { newest, previous } = pathsOf(name);
    const first = await read(newest, name);
    if (typeof first === "object") return first;
    const second = await read(previous, name);
    if (typeof second === "object") {
      if (first !== undefined) logger.log("error", `State checkpoint "${name}" is damaged (${first}); the one before it is used`, { file: newest });
      return second;
    }
    const reason = first ?? second;
    if (reason === undefined) return undefined;
    throw new StrataError("STATE_CORRUPT", { file: newest, reason });
  };
  const remove = async (name: string): Promise<void> => {
    const { newest, previous } = pathsOf(name);
    whole.delete(name);
    await files.remove(previous); // first, so that a crash in between does not bring the older one back
    await files.syncFolder(folder);
    await files.remove(newest);
    await files.syncFolder(folder);
  };

  return {
    save: (name, checkpoint) => inTurn(name, () => save(name, checkpoint)),
    load: (name) => inTurn(name, () => load(name)),
    delete: (name) => inTurn(name, () => remove(name)),
    names: async () => {
      const names = (await files.list(folder)).flatMap(checkpointName);
      return [...new Set(names)].toSorted();
    },
  };
}

function checkpointName(fileName: string): readonly string[] {
  const stem = [NEWEST, PREVIOUS].filter((suffix) => fileName.endsWith(suffix)).map((suffix) => fileName.slice(0, -suffix.length))[0];
  const name = stem === undefined ? undefined : nameOfFile(stem);
  return name === undefined ? [] : [name];
}

const MAGIC = 0x31435453; // "STC1"
const VERSION = 1;
const PREFIX_BYTES = 16;
const AFTER_CRC = 12;

function encodeCheckpoint(name: string, checkpoint: StateCheckpoint): readonly [Buffer, Uint8Array] {
  const header = Buffer.from(JSON.stringify({ name, offsets: checkpoint.offsets }));
  const prefix = Buffer.concat([Buffer.alloc(PREFIX_BYTES), header]);
  prefix.writeUInt32LE(MAGIC, 0);
  prefix.writeUInt32LE(VERSION, 4);
  prefix.writeUInt32LE(header.length, 12);
  prefix.writeUInt32LE(crc32(checkpoint.bytes, crc32(prefix.subarray(AFTER_CRC))), 8);
  return [prefix, checkpoint.bytes];
}

/** The checkpoint, or in words what is wrong with the file. */
function decodeCheckpoint(contents: Buffer, name: string): StateCheckpoint | string {
  if (contents.length < PREFIX_BYTES || contents.readUInt32LE(0) !== MAGIC) return "it is not a state checkpoint";
  if (contents.readUInt32LE(4) !== VERSION) return `version ${contents.readUInt32LE(4)} is not known`;
  if (contents.readUInt32LE(8) !== crc32(contents.subarray(AFTER_CRC))) return "its checksum does not hold";
  const end = PREFIX_BYTES + contents.readUInt32LE(12);
  const header = JSON.parse(contents.toString("utf8", PREFIX_BYTES, end)) as { name: string; offsets: Record<string, number> }; // encodeCheckpoint wrote it: the checksum holds
  if (header.name !== name) return `it belongs to "${header.name}"`;
  return { offsets: header.offsets, bytes: contents.subarray(end) };
}

/** Runs the work of one name one after another, in call order. */
function createTurns(): <T>(name: string, work: () => Promise<T>) => Promise<T> {
  const last = new Map<string, Promise<unknown>>();
  return (name, work) => {
    const turn = (last.get(name) ?? Promise.resolve()).then(work, work);
    last.set(name, turn);
    const forget = (): void => {
      if (last.get(name) === turn) last.delete(name);
    };
    turn.then(forget, forget);
    return turn;
  };
}
