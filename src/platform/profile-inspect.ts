/** Asks every server of a profile whether it answers, which version it is, and whether its settings keep what it acknowledges. */
import { readPostgresFacts } from "../engines/postgres/postgres-settings.ts";
import { openValkeyConnection } from "../engines/valkey/valkey-connection.ts";
import { durabilityWarnings, readValkeyFacts } from "../engines/valkey/valkey-settings.ts";
import { systemClock } from "../kernel/clock.ts";
import { StrataError } from "../kernel/errors.ts";
import { openBlobs, openLog, valkeyUrl, type EnginePlace } from "./profile-engines.ts";
import { PROFILE_KEYS, maskAddress, type Environment, type Profile, type ProfileKey } from "./profile.ts";

export interface EngineFinding {
  readonly key: ProfileKey;
  /** The address without its password. */
  readonly place: string;
  /** "PostgreSQL 15.18", "answers". */
  readonly found: string;
  /** What its settings may lose, in sentences. */
  readonly warnings: readonly string[];
  readonly failure?: unknown;
}

/** How long one server may take to answer. */
const ANSWER_MS = 3_000;

export async function inspectProfile(profile: Profile, environment: Environment): Promise<readonly EngineFinding[]> {
  const named = PROFILE_KEYS.filter((key) => profile.addresses[key] !== undefined);
  return Promise.all(named.map(async (key): Promise<EngineFinding> => {
    const place = maskAddress(profile.addresses[key]!);
    try {
      return { key, place, ...await askEngine(key, profile, environment) };
    } catch (failure) {
      return { key, place, found: "", warnings: [], failure };
    }
  }));
}

type Answer = Pick<EngineFinding, "found" | "warnings">;

async function askEngine(key: ProfileKey, profile: Profile, environment: Environment): Promise<Answer> {
  const address = profile.addresses[key]!;
  if (key === "database" || key === "ledger" || key === "states") {
    const { version, warnings } = await readPostgresFacts({ url: address.href, timeoutMs: ANSWER_MS });
    return { found: version, warnings };
  }
  if (key === "online" || key === "limits") return askValkey(address, key);
  const warnings: string[] = [];
  const place: EnginePlace = { dataDir: "", profile, environment, clock: systemClock, logger: { log: (level, message) => { if (level === "warn") warnings.push(message); } } };
  if (key === "blobs") {
    const blobs = await openBlobs(place);
    const digest = await blobs.put(Buffer.from("strata doctor"));
    await blobs.get(digest);
    await blobs[Symbol.asyncDispose]?.();
    return { found: "takes a blob and gives it back", warnings };
  }
  const log = await openLog(place, 0);
  const { length } = log.logs();
  await log.close();
  return { found: `answers; ${length} logs`, warnings };
}

async function askValkey(address: URL, key: "online" | "limits"): Promise<Answer> {
  const connection = await openValkeyConnection({ url: valkeyUrl(address), timeoutMs: ANSWER_MS }, {
    what: "The connection", failure: (reason, place, cause) => new StrataError("ENGINE_UNREACHABLE", { engine: "Valkey", place, reason }, { cause }),
  });
  try {
    const { version } = await connection.run(readValkeyFacts);
    const replicas = Number(address.searchParams.get("replicas") ?? 0);
    return { found: version, warnings: key === "limits" ? [] : await connection.run((client) => durabilityWarnings(client, { replicas })) }; // levels may be forgotten
  } finally {
    await connection.close();
  }
}
