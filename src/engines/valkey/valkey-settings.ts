/** What a Valkey or Redis server says about itself, and what its settings lack for keeping what it acknowledged. */
import type { Redis } from "ioredis";

export interface ValkeyFacts {
  /** "Valkey 8.1.0" or "Redis 7.0.15". */
  readonly version: string;
  /** Undefined where the server does not tell, as managed services do not. */
  readonly settings: Readonly<Record<string, string>> | undefined;
}

const ASKED = ["appendonly", "appendfsync", "maxmemory-policy"] as const;

export async function readValkeyFacts(client: Redis): Promise<ValkeyFacts> {
  const info = await client.info("server");
  const line = (name: string): string | undefined => new RegExp(`^${name}:(.*?)\\r?$`, "m").exec(info)?.[1];
  const valkey = line("valkey_version");
  const version = valkey === undefined ? `Redis ${line("redis_version") ?? "of an unknown version"}` : `Valkey ${valkey}`;
  try {
    const settings: Record<string, string> = {};
    for (const name of ASKED) {
      const answer = await client.config("GET", name) as readonly string[] | Readonly<Record<string, string>>; // a list in protocol 2, a map in 3
      const value = Array.isArray(answer) ? answer[1] : (answer as Readonly<Record<string, string>>)[name];
      if (typeof value === "string") settings[name] = value;
    }
    return { version, settings };
  } catch {
    return { version, settings: undefined };
  }
}

/** Sentences; none when what is acknowledged survives a crash of the server and is never evicted. */
export async function durabilityWarnings(client: Redis, { replicas }: { readonly replicas: number }): Promise<readonly string[]> {
  const { settings } = await readValkeyFacts(client);
  if (settings === undefined) return ["its settings cannot be read; make sure that it syncs every write (appendfsync always) or that replicas confirm them, and that nothing is evicted"];
  const warnings: string[] = [];
  if (settings["appendonly"] !== "yes" && replicas === 0) warnings.push("appendonly is off: a crash loses what was acknowledged since the last snapshot; set `appendonly yes` and `appendfsync always`");
  else if (settings["appendfsync"] !== "always" && replicas === 0) warnings.push(`appendfsync is ${settings["appendfsync"]}: power loss may take the last second of what was acknowledged; set \`appendfsync always\`, or name replicas that confirm writes`);
  if (settings["maxmemory-policy"]?.startsWith("allkeys-") === true) warnings.push(`maxmemory-policy is ${settings["maxmemory-policy"]}: features would be evicted without notice; set \`maxmemory-policy noeviction\``);
  return warnings;
}
