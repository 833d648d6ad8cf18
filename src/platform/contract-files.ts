/** Contracts for the command line: events of a file against a contract, without a server. The analytics engine starts only when a query or a Parquet file needs it. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkContract, readContract } from "../data/index.ts";
import type { ContractEvent, ContractReport } from "../data/index.ts";
import { openDuckdbAnalytics } from "../engines/duckdb/duckdb-analytics.ts";
import { StrataError, reasonOf } from "../kernel/errors.ts";
import type { Analytics, Column } from "../ports/analytics.ts";

export type { ContractEvent, ContractReport } from "../data/index.ts";

export interface ContractFile extends AsyncDisposable {
  /** JSON Schema of an event, for reading cells of a table as what they stand for. */
  readonly schema: Readonly<Record<string, unknown>>;
  readonly stream: string;
  /** The rows of a Parquet file as events; FILE_INVALID when it is none. */
  readParquet(path: string): AsyncIterable<readonly ContractEvent[]>;
  check(batches: AsyncIterable<readonly ContractEvent[]>, options: { readonly source: string; readonly nowMs: number; readonly onProgress?: (events: number) => void; readonly signal: AbortSignal }): Promise<ContractReport>;
}

/** FILE_INVALID when the text is no contract. */
export async function openContract(text: string, path: string): Promise<ContractFile> {
  const contract = readContract(text, path);
  const folder = await mkdtemp(join(tmpdir(), "strata-contract-"));
  const analytics = openDuckdbAnalytics({ temporaryFolder: folder });
  return {
    schema: contract.document.stream.schema, stream: contract.stream.name,
    readParquet: (file) => readParquet(analytics, file, contract.stream.time),
    check: (batches, options) => checkContract(contract, batches, { ...options, queries: { analytics, folder } }),
    [Symbol.asyncDispose]: async () => {
      await analytics.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

const ROWS_PER_BATCH = 5_000;

async function* readParquet(analytics: Analytics, path: string, time: string | undefined): AsyncGenerator<readonly ContractEvent[]> {
  const { rows, columns } = await analytics.query({ sql: "SELECT * FROM file", tables: { file: [path] } }).catch((thrown: unknown) => {
    throw new StrataError("FILE_INVALID", { path, format: "Parquet", reason: reasonOf(thrown) }, { cause: thrown });
  });
  const readers = Object.entries(columns).map(([name, column]) => [name, name === time ? asTime(valueReader(column)) : valueReader(column)] as const);
  for (let first = 0; first < rows; first += ROWS_PER_BATCH) {
    yield Array.from({ length: Math.min(ROWS_PER_BATCH, rows - first) }, (_, at): ContractEvent => {
      const value: Record<string, unknown> = {};
      for (const [name, read] of readers) {
        const cell = read(first + at);
        if (cell !== undefined) value[name] = cell;
      }
      return { value, place: first + at + 1 };
    });
  }
}

type Cell = number | string | boolean | undefined;

function valueReader(column: Column): (at: number) => Cell {
  switch (column.kind) {
    case "number": return (at) => (Number.isNaN(column.values[at]!) ? undefined : column.values[at]);
    case "text": return (at) => column.dictionary[column.codes[at]!];
    case "boolean": return (at) => (column.values[at]! < 0 ? undefined : column.values[at] === 1);
  }
}

const SQL_TIMESTAMP = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d(?:\.\d+)?)(?:\+00(?::00)?)?$/;

/** A TIMESTAMP column comes as SQL writes it; events carry RFC 3339. */
function asTime(read: (at: number) => Cell): (at: number) => Cell {
  return (at) => {
    const value = read(at);
    const found = typeof value === "string" ? SQL_TIMESTAMP.exec(value) : null;
    return found === null ? value : `${found[1]}T${found[2]}Z`;
  };
}
