/** Opens the engine that an address of the profile names, or the embedded one. The packages behind servers are loaded only here, when named. */
import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { openEmbeddedBlobStore } from "../engines/embedded/blob-store.ts";
import { openEmbeddedEventLog } from "../engines/embedded/event-log.ts";
import { openEmbeddedOnlineStore } from "../engines/embedded/online-store.ts";
import { createEmbeddedRateLimiter } from "../engines/embedded/rate-limiter.ts";
import { openEmbeddedStateStore } from "../engines/embedded/state-store.ts";
import { openKafkaEventLog } from "../engines/kafka/event-log.ts";
import { openNatsEventLog } from "../engines/nats/event-log.ts";
import { openPostgresBudgetLedger } from "../engines/postgres/budget-ledger.ts";
import { openPostgresDatabase } from "../engines/postgres/database.ts";
import { openPostgresLedgerArchive } from "../engines/postgres/ledger-archive.ts";
import { openPostgresStateStore } from "../engines/postgres/state-store.ts";
import { openS3BlobStore } from "../engines/s3/blob-store.ts";
import { openSqliteBudgetLedger } from "../engines/sqlite/budget-ledger.ts";
import { openSqliteDatabase } from "../engines/sqlite/database.ts";
import { openSqliteLedgerArchive } from "../engines/sqlite/ledger-archive.ts";
import { openValkeyOnlineStore } from "../engines/valkey/online-store.ts";
import { openValkeyRateLimiter } from "../engines/valkey/rate-limiter.ts";
import { systemClock, type Clock } from "../kernel/clock.ts";
import { StrataError } from "../kernel/errors.ts";
import type { BlobListing, BlobStore } from "../ports/blob-store.ts";
import type { BudgetLedger } from "../ports/budget-ledger.ts";
import type { EventLog } from "../ports/event-log.ts";
import type { LedgerArchive } from "../ports/ledger-archive.ts";
import type { OnlineStore } from "../ports/online-store.ts";
import type { RateLimiter } from "../ports/rate-limiter.ts";
import type { SqlDatabase } from "../ports/sql.ts";
import type { StateStore } from "../ports/state-store.ts";
import type { Logger } from "../ports/telemetry.ts";
import type { Environment, Profile } from "./profile.ts";

export interface EnginePlace {
  readonly dataDir: string;
  readonly profile: Profile;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly environment: Environment;
}

export function openLog({ dataDir, profile, clock, logger }: EnginePlace, segmentBytes: number, blobs?: () => BlobStore): Promise<EventLog> {
  const address = profile.addresses.log;
  if (address === undefined) return openEmbeddedEventLog({ folder: join(dataDir, "log"), clock, segmentBytes, logger, ...(blobs ? { blobs } : {}) });
  const shared = { clock, logger, ...prefixOf(address), ...replicasOf(address) };
  if (address.protocol === "kafka:") return openKafkaEventLog({ ...shared, brokers: hostsOf(address), ...kafkaAccess(address) });
  return openNatsEventLog({ ...shared, servers: hostsOf(address), syncAlways: address.searchParams.get("sync") === "always", ...natsAccess(address) });
}

export function openDatabase({ dataDir, profile }: EnginePlace): Promise<SqlDatabase> {
  const address = profile.addresses.database;
  return address === undefined ? openSqliteDatabase({ file: join(dataDir, "strata.db") }) : openPostgresDatabase({ url: address.href });
}

/** The traffic of served models; embedded in a file of its own, which `strata serve` may write too. */
export async function openTrafficDatabase({ dataDir, profile }: Pick<EnginePlace, "dataDir" | "profile">): Promise<SqlDatabase> {
  const address = profile.addresses.database;
  if (address !== undefined) return openPostgresDatabase({ url: address.href, connections: 2 });
  await mkdir(resolve(dataDir), { recursive: true });
  return openSqliteDatabase({ file: join(resolve(dataDir), "traffic.db") });
}

export interface LedgerPlace {
  readonly profile: Profile;
  /** Of the embedded ledger. */
  readonly file: string;
}

export function openLedger({ profile, file }: LedgerPlace): Promise<BudgetLedger> {
  const address = profile.addresses.ledger;
  return address === undefined ? openSqliteBudgetLedger({ file }) : openPostgresBudgetLedger({ url: address.href });
}

/** Everything the ledger holds, for copies; nobody else may use it meanwhile. */
export function openLedgerArchive({ profile, file }: LedgerPlace): Promise<LedgerArchive> {
  const address = profile.addresses.ledger;
  return address === undefined ? openSqliteLedgerArchive(file) : openPostgresLedgerArchive({ url: address.href });
}

/** A store that may hold nothing open. */
export type MaybeOpen<T> = T & Partial<AsyncDisposable>;

export function openStates({ dataDir, profile, logger }: EnginePlace): Promise<MaybeOpen<StateStore>> {
  const address = profile.addresses.states;
  return address === undefined ? openEmbeddedStateStore({ folder: join(dataDir, "state"), logger }) : openPostgresStateStore({ url: address.href, logger });
}

export async function openBlobs({ dataDir, profile, environment }: EnginePlace): Promise<MaybeOpen<BlobStore & BlobListing>> {
  const address = profile.addresses.blobs;
  if (address === undefined) return openEmbeddedBlobStore({ folder: join(dataDir, "blobs") });
  const style = address.searchParams.get("style");
  return openS3BlobStore({
    bucket: address.hostname, prefix: decodeURIComponent(address.pathname).replaceAll(/^\/+|\/+$/g, ""), endpoint: address.searchParams.get("endpoint") ?? undefined,
    region: address.searchParams.get("region") ?? environment["AWS_REGION"] ?? "us-east-1", ...(style === "path" || style === "virtual" ? { style } : {}),
    credentials: s3Credentials(address, environment), clock: systemClock, // signatures need the real time, also in a replay
  });
}

export function openOnline({ dataDir, profile, logger }: EnginePlace): Promise<OnlineStore> {
  const address = profile.addresses.online;
  if (address === undefined) return openEmbeddedOnlineStore({ folder: join(dataDir, "online"), logger });
  return openValkeyOnlineStore({ url: valkeyUrl(address), logger, ...prefixOf(address), ...replicasOf(address) });
}

export async function openLimits({ profile }: Pick<EnginePlace, "profile">): Promise<RateLimiter> {
  const address = profile.addresses.limits;
  return address === undefined ? createEmbeddedRateLimiter() : openValkeyRateLimiter({ url: valkeyUrl(address), ...prefixOf(address) });
}

function s3Credentials(address: URL, environment: Environment) {
  const accessKeyId = address.username === "" ? environment["AWS_ACCESS_KEY_ID"] : decodeURIComponent(address.username);
  const secretAccessKey = address.password === "" ? environment["AWS_SECRET_ACCESS_KEY"] : decodeURIComponent(address.password);
  if (accessKeyId === undefined || secretAccessKey === undefined) {
    const problem = "blobs: no credentials; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or write s3://${KEY}:${SECRET}@bucket";
    throw new StrataError("CONFIG_INVALID", { count: 1, problems: problem });
  }
  return { accessKeyId, secretAccessKey, sessionToken: address.username === "" ? environment["AWS_SESSION_TOKEN"] : undefined };
}

/** The client knows redis:// and rediss:// only; our own words are not for it. */
export function valkeyUrl(address: URL): string {
  const url = new URL(address.href.replace(/^valkey(s?):/, "redis$1:"));
  for (const name of ["prefix", "replicas"]) url.searchParams.delete(name);
  return url.href;
}

const prefixOf = ({ searchParams }: URL): { readonly prefix?: string } => (searchParams.has("prefix") ? { prefix: searchParams.get("prefix")! } : {});
const replicasOf = ({ searchParams }: URL): { readonly replicas?: number } => (searchParams.has("replicas") ? { replicas: Number(searchParams.get("replicas")) } : {});

/** "nats://a:4222" → ["a:4222"]; ?hosts=b:4222,c:4222 names more of the same cluster. */
function hostsOf({ host, searchParams }: URL): readonly string[] {
  return [host, ...(searchParams.get("hosts")?.split(",") ?? [])];
}

function natsAccess({ username, password }: URL) {
  if (username === "") return {};
  return password === "" ? { token: decodeURIComponent(username) } : { user: decodeURIComponent(username), password: decodeURIComponent(password) };
}

const MECHANISMS = ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] as const;

function kafkaAccess({ username, password, searchParams }: URL) {
  const tls = searchParams.get("tls") === "true";
  if (username === "") return { tls };
  const mechanism = MECHANISMS.find((known) => known === searchParams.get("mechanism")) ?? "SCRAM-SHA-256";
  return { tls, sasl: { mechanism, username: decodeURIComponent(username), password: decodeURIComponent(password) } };
}
