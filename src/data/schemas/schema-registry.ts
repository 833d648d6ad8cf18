/**
 * The versions of every stream's schema, durable in SQL: registered when a definition takes force, refused when the
 * stream's compatibility does not allow the step. Each version knows the first offset it checked.
 */
import type { Clock } from "../../kernel/clock.ts";
import { StrataError, listProblems } from "../../kernel/errors.ts";
import type { Problem } from "../../kernel/errors.ts";
import { hashOf } from "../../kernel/hash.ts";
import { describeSchema } from "../../define/index.ts";
import type { CompatibilityMode, Stream } from "../../define/index.ts";
import type { EventLog } from "../../ports/event-log.ts";
import type { SqlDatabase, SqlMigration } from "../../ports/sql.ts";
import { checkCompatibility, type CompatibilityFinding } from "./compatibility.ts";
import type { JsonSchema } from "./json-schema.ts";

export interface StoredSchema {
  readonly version: number;
  /** SHA-256 of the schema's canonical JSON. */
  readonly hash: string;
  readonly schema: JsonSchema;
  /** The mode under which it was registered. */
  readonly compatibility: CompatibilityMode;
  /** Events from here on were checked by it, until the next version. */
  readonly fromOffset: number;
  readonly createdAtMs: number;
}

export interface SchemaJudgement {
  readonly compatible: boolean;
  readonly compatibility: CompatibilityMode;
  /** Versions it was judged against are named in the findings; empty when compatible. */
  readonly findings: readonly CompatibilityFinding[];
  /** The version that has exactly this schema. */
  readonly knownAs?: number;
}

export interface SchemaRegistry {
  open(): Promise<void>;
  /** STREAM_SCHEMA_INCOMPATIBLE with every problem of every stream; nothing is changed. */
  check(streams: Iterable<Stream>): Promise<void>;
  /** Registers the schemas that are new. Call `check` before. */
  register(streams: Iterable<Stream>): Promise<void>;
  /** Oldest first. */
  versions(stream: string): Promise<readonly StoredSchema[]>;
  /** Whether a schema could become the stream's next version. */
  judge(stream: Stream, schema: JsonSchema): Promise<SchemaJudgement>;
}

interface SchemaTables {
  stream_schema: { stream: string; version: number; hash: string; schema: string; compatibility: string; from_offset: number; created_at_ms: number };
}

const MIGRATIONS: readonly SqlMigration[] = [{
  name: "versions of stream schemas",
  statements: [`create table stream_schema (
    stream text not null, version integer not null, hash text not null, schema text not null, compatibility text not null, from_offset integer not null, created_at_ms integer not null,
    primary key (stream, version))`],
}];

export interface SchemaRegistryOptions {
  readonly database: SqlDatabase;
  readonly log: EventLog;
  readonly clock: Clock;
}

export function createSchemaRegistry({ database, log, clock }: SchemaRegistryOptions): SchemaRegistry {
  const tables = database.as<SchemaTables>();

  const versions = async (stream: string): Promise<readonly StoredSchema[]> => {
    const rows = await tables.selectFrom("stream_schema").selectAll().where("stream", "=", stream).orderBy("version").execute();
    return rows.map((row) => ({
      version: row.version, hash: row.hash, schema: JSON.parse(row.schema) as JsonSchema, compatibility: row.compatibility as CompatibilityMode, // written by `register` only
      fromOffset: row.from_offset, createdAtMs: row.created_at_ms,
    }));
  };
  const judge = async (stream: Stream, schema: JsonSchema): Promise<SchemaJudgement> => {
    const known = await versions(stream.name);
    const hash = hashOf(schema);
    const same = known.findLast((one) => one.hash === hash);
    const isLatest = same !== undefined && same === known.at(-1);
    const findings = isLatest ? [] : checkCompatibility(stream.compatibility, schema, known);
    return { compatible: findings.length === 0, compatibility: stream.compatibility, findings, ...(same ? { knownAs: same.version } : {}) };
  };

  return {
    versions, judge,
    open: () => database.migrate("schemas", MIGRATIONS),
    check: async (streams) => {
      const refused: { readonly stream: Stream; readonly problems: readonly Problem[] }[] = [];
      for (const stream of streams) {
        const { findings } = await judge(stream, schemaOf(stream));
        if (findings.length > 0) refused.push({ stream, problems: findings.map((finding) => problemOf(stream, finding)) });
      }
      const [first] = refused;
      if (first === undefined) return;
      const problems = refused.flatMap((one) => one.problems);
      throw new StrataError("STREAM_SCHEMA_INCOMPATIBLE", { stream: refused.map(({ stream }) => stream.name).join("\", \""), mode: first.stream.compatibility, problems: listProblems(problems) }, { problems });
    },
    register: async (streams) => {
      for (const stream of streams) {
        const schema = schemaOf(stream);
        const latest = (await versions(stream.name)).at(-1);
        const hash = hashOf(schema);
        if (latest?.hash === hash) continue;
        await tables.insertInto("stream_schema").values({
          stream: stream.name, version: (latest?.version ?? 0) + 1, hash, schema: JSON.stringify(schema), compatibility: stream.compatibility,
          from_offset: log.statistics(stream.name).nextOffset, created_at_ms: clock.now(),
        }).execute();
      }
    },
  };
}

function schemaOf(stream: Stream): JsonSchema {
  return JSON.parse(JSON.stringify(describeSchema(stream))) as JsonSchema; // plain data: what will be stored
}

function problemOf(stream: Stream, { path, message, rule }: CompatibilityFinding): Problem {
  return { path: path === "" ? `streams.${stream.name}` : `streams.${stream.name}.${path}`, message, code: rule };
}
