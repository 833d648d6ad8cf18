/**
 * The online store in Valkey or Redis: the packed bytes that workers write, one command per read. A write is one script, so
 * bytes and position change together, and an older epoch is refused by the server itself. How durable an answer is, the
 * server's settings decide: `durabilityWarnings` says what they lack. A view lives on one node of a cluster.
 */
import { StrataError } from "../../kernel/errors.ts";
import type { OnlineStore, OnlineWrite } from "../../ports/online-store.ts";
import { silentLogger, type Logger } from "../../ports/telemetry.ts";
import { defineOnlineScripts, viewKeys, type ScriptedClient, type ViewKeys } from "./online-scripts.ts";
import { openValkeyConnection, type ValkeyConnection, type ValkeyOptions } from "./valkey-connection.ts";
import { durabilityWarnings } from "./valkey-settings.ts";

export interface ValkeyOnlineStoreOptions extends ValkeyOptions {
  /** A write resolves only when so many replicas have it too. Default 0. */
  readonly replicas?: number;
  readonly logger?: Logger;
}

const REPLICA_TIMEOUT_MS = 1_000;
/** Entities per request of `entries`. */
const PAGE = 1_000;

/** RUNTIME_MISSING without ioredis; ENGINE_UNREACHABLE when nothing answers there. */
export async function openValkeyOnlineStore(options: ValkeyOnlineStoreOptions): Promise<OnlineStore> {
  const { replicas = 0, logger = silentLogger } = options;
  const connection = await openValkeyConnection(options, {
    what: "The online store", prepare: defineOnlineScripts,
    failure: (reason, place, cause) => new StrataError("STORE_FAILED", { reason: `${place}: ${reason}` }, { cause }),
  });
  for (const warning of await connection.run((client) => durabilityWarnings(client, { replicas }))) logger.log("warn", `Online store at ${connection.place}: ${warning}`);
  const keysOf = (view: string): ViewKeys => viewKeys(connection.prefix, view);

  const store: OnlineStore = {
    claim: (view, partition, epoch) => connection.run(async (client) => {
      const keys = keysOf(view);
      const answer = await (client as ScriptedClient).strataOnlineClaim(keys.position(partition), keys.partitions, partition, epoch); // defined by `prepare`
      if (!answer.startsWith("{")) throw new StrataError("STORE_FENCED", { view, partition, epoch, current: Number(answer) });
      if (replicas > 0) await waitForReplicas(client, replicas);
      return { epoch, offsets: JSON.parse(answer) as Record<string, number> }; // written by `write`
    }),
    write: (write) => connection.run(async (client) => {
      const answer = await (client as ScriptedClient).strataOnlineWrite(...writeWords(keysOf(write.view), write)); // defined by `prepare`
      refuse(answer, write);
      if (replicas > 0) await waitForReplicas(client, replicas);
    }),
    read: (view, keys) => connection.run(async (client) => {
      if (keys.length === 0) return [];
      return (await client.hmgetBuffer(keysOf(view).rows, ...keys)).map((bytes) => bytes ?? undefined);
    }),
    position: (view, partition) => connection.run(async (client) => {
      const [epoch, offsets] = await client.hmget(keysOf(view).position(partition), "epoch", "offsets");
      if (epoch == null || offsets == null) return undefined;
      return { epoch: Number(epoch), offsets: JSON.parse(offsets) as Record<string, number> }; // written by `write`
    }),
    entries: (view, partition) => entriesOf(connection, keysOf(view), partition),
    drop: (view) => connection.run(async (client) => {
      const { rows, partitions } = keysOf(view);
      await (client as ScriptedClient).strataOnlineDrop(rows, partitions, rows.slice(0, -":rows".length));
    }),
    close: () => connection.close(),
    [Symbol.asyncDispose]: () => connection.close(),
  };
  return store;
}

type WriteWords = Parameters<ScriptedClient["strataOnlineWrite"]>;

function writeWords(keys: ViewKeys, { partition, epoch, offsets, entries }: OnlineWrite): WriteWords {
  const last = new Map(entries.map(({ key, bytes }) => [key, bytes])); // of a key that is named twice the last counts
  const set: (string | Buffer)[] = [];
  const removed: string[] = [];
  for (const [key, bytes] of last) {
    if (bytes === undefined) removed.push(key);
    else set.push(key, Buffer.from(bytes)); // a copy: an interrupted command is sent again later
  }
  return [keys.rows, keys.position(partition), keys.members(partition), keys.partitions, partition, epoch, JSON.stringify(offsets), set.length / 2, ...set, ...removed];
}

function refuse(answer: string, { view, partition, epoch }: OnlineWrite): void {
  if (answer === "done" || answer === "repeated") return;
  if (answer === "mixed") throw new StrataError("STORE_FAILED", { reason: `partition ${partition} of view "${view}" cannot go forward in one log and back in another` });
  throw new StrataError("STORE_FENCED", { view, partition, epoch, current: Number(answer) });
}

async function waitForReplicas(client: ValkeyConnection["client"], replicas: number): Promise<void> {
  const reached = await client.wait(replicas, REPLICA_TIMEOUT_MS);
  if (reached < replicas) throw new Error(`only ${reached} of ${replicas} replicas have the write; repeating it is harmless`);
}

async function* entriesOf(connection: ValkeyConnection, keys: ViewKeys, partition: number): AsyncGenerator<{ readonly key: string; readonly bytes: Uint8Array }> {
  const seen = new Set<string>(); // a scan may tell a member twice
  for (let cursor: string | undefined = "0"; cursor !== undefined;) {
    const from: string = cursor;
    const [next, members] = await connection.run((client) => client.sscan(keys.members(partition), from, "COUNT", PAGE));
    const fresh = members.filter((key) => !seen.has(key));
    for (const key of fresh) seen.add(key);
    const rows = fresh.length === 0 ? [] : await connection.run((client) => client.hmgetBuffer(keys.rows, ...fresh));
    for (const [i, bytes] of rows.entries()) if (bytes != null) yield { key: fresh[i]!, bytes };
    cursor = next === "0" ? undefined : next;
  }
}
