/**
 * A profile names the engines behind the ports by address: the definition says what, the configuration where and how big, the
 * profile on which servers. What it leaves out stays embedded in the data folder. Secrets come from variables that the
 * profile names, never from its text.
 */
import { readFileSync } from "node:fs";
import { z } from "zod";
import { StrataError, listProblems, reasonOf, type Problem } from "../kernel/errors.ts";

/** Each port that a profile can move, the servers it can move to, and the words of an address. */
const ENGINE_ADDRESSES = {
  log: { schemes: ["nats", "kafka"], description: "Event log: nats://host:4222 or kafka://host:9092; ?prefix=, ?replicas=" },
  database: { schemes: ["postgres", "postgresql"], description: "Registry, experiments, rollouts, lake manifest: postgres://user@host/database" },
  ledger: { schemes: ["postgres", "postgresql"], description: "Keys, budgets and usage of language models: postgres://…" },
  states: { schemes: ["postgres", "postgresql"], description: "Checkpoints of derived state: postgres://…" },
  blobs: { schemes: ["s3"], description: "Model artifacts and the lake's cold files: s3://bucket/prefix?endpoint=&region=&style=path|virtual" },
  online: { schemes: ["redis", "rediss", "valkey", "valkeys"], description: "Online features of workers: redis://host:6379/0?prefix=&replicas=" },
  limits: { schemes: ["redis", "rediss", "valkey", "valkeys"], description: "Limits per minute that processes share: redis://…" },
} as const;

export type ProfileKey = keyof typeof ENGINE_ADDRESSES;
export const PROFILE_KEYS = Object.keys(ENGINE_ADDRESSES) as readonly ProfileKey[]; // the table's own keys

export interface Profile {
  /** "embedded", a file, or a file and the name in it. */
  readonly source: string;
  readonly addresses: Readonly<Partial<Record<ProfileKey, URL>>>;
}

export const EMBEDDED_PROFILE: Profile = { source: "embedded", addresses: {} };

/** What a file holds: an address per key. */
const profileSchema = z.strictObject(Object.fromEntries(PROFILE_KEYS.map((key) => [key, z.string().min(1).optional().describe(ENGINE_ADDRESSES[key].description)])) as Record<ProfileKey, z.ZodOptional<z.ZodString>>);

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads `place`: a JSON file with one profile, or `file#name` for one of several in a file. "" is the embedded profile. CONFIG_INVALID lists
 * every problem: unknown keys and schemes, missing variables, secrets in the text.
 */
export function loadProfile(place: string, environment: Environment): Profile {
  if (place === "") return EMBEDDED_PROFILE;
  const [file = "", name] = place.split("#");
  const parsed = profileSchema.safeParse(profileIn(readJson(file), { file, name }));
  if (!parsed.success) throw invalid(place, parsed.error.issues.map(({ path, message, code }) => ({ path: path.join("."), message, code })));
  const problems: Problem[] = [];
  const addresses: Partial<Record<ProfileKey, URL>> = {};
  for (const key of PROFILE_KEYS) {
    const text = parsed.data[key];
    if (text === undefined) continue;
    const address = addressOf(text, ENGINE_ADDRESSES[key].schemes, environment);
    if (typeof address === "string") problems.push({ path: key, message: address });
    else addresses[key] = address;
  }
  if (problems.length > 0) throw invalid(place, problems);
  return { source: place, addresses };
}

function readJson(file: string): unknown {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (thrown) {
    const isMissing = (thrown as NodeJS.ErrnoException).code === "ENOENT";
    throw isMissing ? new StrataError("FILE_NOT_FOUND", { path: file }, { cause: thrown }) : new StrataError("FILE_UNREADABLE", { path: file, reason: reasonOf(thrown) }, { cause: thrown });
  }
  try {
    return JSON.parse(text) as unknown;
  } catch (thrown) {
    throw new StrataError("FILE_INVALID", { path: file, format: "JSON", reason: reasonOf(thrown) }, { cause: thrown });
  }
}

function profileIn(json: unknown, { file, name }: { readonly file: string; readonly name: string | undefined }): unknown {
  if (name === undefined) return json;
  const named = typeof json === "object" && json !== null ? json as Record<string, unknown> : {};
  if (!Object.hasOwn(named, name)) throw new StrataError("NOT_FOUND", { kind: `profile in ${file}`, name, known: Object.keys(named).join(", ") || "none" });
  return named[name];
}

const REFERENCE = /\$\{([A-Za-z_][A-Za-z0-9_]*)\}/g;

/** The address with its variables filled in, or what is wrong with it. */
function addressOf(text: string, schemes: readonly string[], environment: Environment): URL | string {
  const missing = Array.from(text.matchAll(REFERENCE), ([, name]) => name!).filter((name) => environment[name] === undefined);
  if (missing.length > 0) return `the variable ${missing.join(" and ")} is not set`;
  if (/^[a-z0-9+.-]+:\/\/[^/@]*:(?!\$\{)[^/@]+@/i.test(text)) return "a password stands in the text; put it into a variable and write ${NAME} in its place";
  const isWhole = /^\$\{[^}]+\}$/.test(text);
  const filled = text.replaceAll(REFERENCE, (_, name: string) => (isWhole ? environment[name]! : encodeURIComponent(environment[name]!)));
  const url = URL.parse(filled);
  if (url === null) return "it is not an address like scheme://host/name";
  const scheme = url.protocol.slice(0, -1);
  if (!schemes.includes(scheme)) return `${scheme}:// is not known here; use ${schemes.map((known) => `${known}://`).join(" or ")}`;
  return url;
}

/** Without its password, and without secrets that stand as a user name (S3 access keys are told, their secrets are not). */
export function maskAddress(address: URL): string {
  const masked = new URL(address);
  if (masked.password !== "") masked.password = "***";
  return decodeURI(masked.href);
}

export interface ProfileEntry {
  readonly key: string;
  readonly value: string;
  readonly source: string;
  readonly description: string;
}

/** For `strata config`: every port with where it lives. */
export function profileEntries({ source, addresses }: Profile): readonly ProfileEntry[] {
  return PROFILE_KEYS.map((key) => {
    const address = addresses[key];
    return { key: `profile.${key}`, value: address === undefined ? "embedded" : maskAddress(address), source: address === undefined ? "default" : source, description: ENGINE_ADDRESSES[key].description };
  });
}

function invalid(place: string, problems: readonly Problem[]): StrataError {
  const placed = problems.map((problem) => ({ ...problem, path: `${place}: ${problem.path}` }));
  return new StrataError("CONFIG_INVALID", { count: problems.length, problems: listProblems(placed) }, { problems: placed });
}
