/**
 * The transaction log of a Delta Lake table over Parquet files that are there already: what other engines need to read
 * them as one table with versions. Follows the Delta transaction log protocol, reader version 1 and writer version 2
 * (github.com/delta-io/delta, PROTOCOL.md: actions protocol, metaData, add, remove). Pure.
 */

export interface DeltaColumn {
  readonly name: string;
  /** The SQL type of the column in the files. */
  readonly type: string;
}

export interface DeltaFile {
  /** Relative to the table's folder. */
  readonly path: string;
  readonly partition: string;
  readonly sizeBytes: number;
  readonly rows: number;
}

export interface DeltaVersion {
  readonly id: string;
  readonly columns: readonly DeltaColumn[];
  readonly partitionColumn: string;
  readonly files: readonly DeltaFile[];
  /** Paths of the version before that are not part of this one. */
  readonly removed: readonly string[];
  readonly timeMs: number;
}

const TYPES: Readonly<Record<string, string>> = {
  "TIMESTAMP WITH TIME ZONE": "timestamp", BIGINT: "long", INTEGER: "integer", DOUBLE: "double", BOOLEAN: "boolean", VARCHAR: "string", DATE: "date",
};

/** The lines of one version's file. */
export function deltaCommit({ id, columns, partitionColumn, files, removed, timeMs }: DeltaVersion): string {
  const fields = [...columns, { name: partitionColumn, type: "DATE" }].map(({ name, type }) => ({ name, type: TYPES[type] ?? "string", nullable: true, metadata: {} }));
  const actions = [
    { commitInfo: { timestamp: timeMs, operation: "WRITE", operationParameters: { mode: "Overwrite" }, engineInfo: "Strata" } },
    { protocol: { minReaderVersion: 1, minWriterVersion: 2 } },
    { metaData: { id, format: { provider: "parquet", options: {} }, schemaString: JSON.stringify({ type: "struct", fields }), partitionColumns: [partitionColumn], configuration: {}, createdTime: timeMs } },
    ...removed.map((path) => ({ remove: { path, deletionTimestamp: timeMs, dataChange: true } })),
    ...files.map(({ path, partition, sizeBytes, rows }) => ({ add: { path, partitionValues: { [partitionColumn]: partition }, size: sizeBytes, modificationTime: timeMs, dataChange: true, stats: JSON.stringify({ numRecords: rows }) } })),
  ];
  return actions.map((action) => `${JSON.stringify(action)}\n`).join("");
}

/** What a table's log says: its id and the files of its last version. */
export function readDeltaLog(commits: readonly string[]): { readonly id: string | undefined; readonly files: ReadonlySet<string> } {
  const files = new Set<string>();
  let id: string | undefined;
  for (const line of commits.flatMap((commit) => commit.split("\n")).filter((text) => text !== "")) {
    const action = JSON.parse(line) as { readonly add?: { readonly path: string }; readonly remove?: { readonly path: string }; readonly metaData?: { readonly id: string } }; // the protocol's own form
    if (action.add !== undefined) files.add(action.add.path);
    if (action.remove !== undefined) files.delete(action.remove.path);
    id = action.metaData?.id ?? id;
  }
  return { id, files };
}

export const commitName = (version: number): string => `${String(version).padStart(20, "0")}.json`;
