/**
 * Reads a real transactions file (csv or csv.gz with the columns InvoiceNo, StockCode, Description, Quantity,
 * InvoiceDate, UnitPrice, CustomerID, Country) as purchase events, in batches, without holding the file in memory.
 * The id of a line is the hash of its content, so identical lines count once.
 */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { createGunzip } from "node:zlib";
import { parse } from "csv-parse";
import { StrataError } from "strata";

export const TRANSACTION_COLUMNS = ["InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country"] as const;
type Transaction = Readonly<Record<(typeof TRANSACTION_COLUMNS)[number], string>>;

/** Fields of a purchase; bad values are passed on as they are, for ingestion to refuse with a reason. */
export type PurchaseRow = Readonly<Record<string, unknown>>;

export interface FileProgress {
  readonly rows: number;
  readonly share: number;
}

/** Batches of purchase rows in file order. Raises FILE_NOT_FOUND or FILE_INVALID. */
export async function* readTransactions(path: string, options: { readonly batchRows?: number; readonly onProgress?: (progress: FileProgress) => void } = {}): AsyncGenerator<readonly PurchaseRow[]> {
  const { batchRows = 2_000, onProgress } = options;
  const sizeBytes = await stat(path).then((info) => info.size, () => { throw new StrataError("FILE_NOT_FOUND", { path }); });
  const file = createReadStream(path);
  const text = path.endsWith(".gz") ? file.pipe(createGunzip()) : file;
  const parser = text.pipe(parse({ columns: checkColumns(path), bom: true, relax_column_count: false, trim: true }));
  const fail = (thrown: Error): void => { parser.destroy(thrown); };
  file.once("error", fail);
  text.once("error", fail);
  let batch: PurchaseRow[] = [];
  let rows = 0;
  if (sizeBytes === 0) throw new StrataError("FILE_INVALID", { path, format: "transactions", reason: "it is empty" });
  try {
    for await (const record of parser) {
      batch.push(toPurchase(record as Transaction)); // the parser was given these columns
      rows += 1;
      if (batch.length < batchRows) continue;
      yield batch;
      batch = [];
      onProgress?.({ rows, share: file.bytesRead / sizeBytes });
    }
  } catch (thrown) {
    throw new StrataError("FILE_INVALID", { path, format: "transactions", reason: (thrown as Error).message }, { cause: thrown });
  } finally {
    file.destroy();
  }
  if (batch.length > 0) yield batch;
  onProgress?.({ rows, share: 1 });
}

function checkColumns(path: string): (header: readonly string[]) => string[] {
  return (header) => {
    const missing = TRANSACTION_COLUMNS.filter((column) => !header.includes(column));
    if (missing.length > 0) throw new StrataError("FILE_INVALID", { path, format: "transactions", reason: `column ${missing.join(", ")} is missing` });
    return [...header];
  };
}

function toPurchase(line: Transaction): PurchaseRow {
  return {
    line: createHash("sha256").update(TRANSACTION_COLUMNS.map((column) => line[column]).join("\u001f")).digest("base64url").slice(0, 22),
    order: line.InvoiceNo,
    ...(line.CustomerID === "" ? {} : { customer: line.CustomerID.replace(/\.0$/, "") }),
    item: line.StockCode,
    ...(line.Description === "" ? {} : { title: line.Description }),
    quantity: Number(line.Quantity), price: Number(line.UnitPrice), country: line.Country,
    at: `${line.InvoiceDate.replace(" ", "T")}Z`,
  };
}
