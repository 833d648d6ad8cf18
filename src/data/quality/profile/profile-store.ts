/** Profiles of streams in the lake: one sketch per file is kept in SQL, so that a refresh reads only files that are new. */
import { hashOf } from "../../../kernel/hash.ts";
import type { SqlDatabase } from "../../../ports/sql.ts";
import type { Lake } from "../../lake/lake.ts";
import type { LakeSnapshot } from "../../lake/snapshot.ts";
import { streamOf } from "../../lake/snapshot.ts";
import { readFiles } from "../lake-check.ts";
import type { QualityTables } from "../tables.ts";
import { mergeTables, sketchTable } from "./table-profile.ts";
import type { TableSketch } from "./table-profile.ts";

export interface ProfileStore {
  /** The sketch of a stream's events in a snapshot. */
  sketch(stream: string, options: ProfileOptions): Promise<ProfiledStream>;
}

export interface ProfileOptions {
  readonly snapshot: LakeSnapshot;
  readonly fields: readonly string[];
  readonly onProgress?: (share: number) => void;
  readonly signal?: AbortSignal | undefined;
}

export interface ProfiledStream {
  readonly table: TableSketch;
  readonly files: number;
  /** Files that had to be read; the others were profiled before. */
  readonly filesRead: number;
}

/** Sketches of files that were merged away are let go when they outnumber those in use so many times. */
const MOST_STORED = 4;

const EMPTY: TableSketch = { rows: 0, minTimeMs: null, maxTimeMs: null, columns: {} };

export function createProfileStore({ database, lake }: { readonly database: SqlDatabase; readonly lake: Pick<Lake, "readEvents"> }): ProfileStore {
  const tables = database.as<QualityTables>();
  return {
    sketch: async (stream, { snapshot, fields, onProgress, signal }) => {
      const part = streamOf(snapshot, stream);
      const schema = hashOf(fields).slice(0, 16); // other fields, other sketches
      const keyOf = (name: string): string => `${name} ${schema}`;
      const stored = new Map((await tables.selectFrom("quality_file_profile").select(["file", "content"]).where("stream", "=", stream).execute()).map(({ file, content }) => [file, content]));
      const missing = part.files.filter(({ name }) => !stored.has(keyOf(name)));
      let read = 0;
      for (const file of missing) {
        const only: LakeSnapshot = { ...snapshot, streams: { [stream]: { ...part, files: [file], rows: file.rows } } };
        for await (const events of readFiles(stream, fields, { lake, snapshot: only, signal })) {
          const content = JSON.stringify(sketchTable(events));
          stored.set(keyOf(file.name), content);
          await tables.insertInto("quality_file_profile").values({ stream, file: keyOf(file.name), content }).onConflict((conflict) => conflict.columns(["stream", "file"]).doUpdateSet({ content })).execute();
        }
        onProgress?.((read += 1) / missing.length);
      }
      if (stored.size > MOST_STORED * (part.files.length + 16)) {
        const named = new Set(part.files.map(({ name }) => keyOf(name)));
        await tables.deleteFrom("quality_file_profile").where("stream", "=", stream).where("file", "in", [...stored.keys()].filter((file) => !named.has(file)).slice(0, 500)).execute();
      }
      const sketches = part.files.map(({ name }) => JSON.parse(stored.get(keyOf(name)) ?? JSON.stringify(EMPTY)) as TableSketch); // written above
      return { table: sketches.reduce(mergeTables, EMPTY), files: part.files.length, filesRead: missing.length };
    },
  };
}
