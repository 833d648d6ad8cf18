/** Tables of data quality: verdicts as they were given, streams that are stopped, and what a person has accepted. */
import type { SqlMigration } from "../../ports/sql.ts";

export interface QualityTables {
  quality_verdict: {
    expectations: string;
    rule: string;
    /** stream: judged as events came; lake: a check of a snapshot. */
    source: "stream" | "lake";
    /** Offset in the stream up to which it was judged: judging again writes the same row. */
    place: number;
    at_ms: number;
    status: string;
    /** The verdict as JSON. */
    content: string;
  };
  quality_stop: { stream: string; at_ms: number; expectations: string; rule: string; reason: string };
  /** Data below this offset are accepted by a person, with a reason. */
  /** A lake file's profile, by file name and the fields it covers. */
  quality_file_profile: { stream: string; file: string; content: string };
  quality_acceptance: { stream: string; next_offset: number; at_ms: number; reason: string };
}

export const QUALITY_MIGRATIONS: readonly SqlMigration[] = [{
  name: "verdicts, stops and acceptances",
  statements: [
    `create table quality_verdict (
      expectations text not null, rule text not null, source text not null, place integer not null,
      at_ms integer not null, status text not null, content text not null, primary key (expectations, rule, source, place))`,
    "create index quality_verdict_by_time on quality_verdict (expectations, at_ms)",
    "create table quality_stop (stream text primary key, at_ms integer not null, expectations text not null, rule text not null, reason text not null)",
    "create table quality_file_profile (stream text not null, file text not null, content text not null, primary key (stream, file))",
    "create table quality_acceptance (stream text primary key, next_offset integer not null, at_ms integer not null, reason text not null)",
  ],
}];
