/**
 * Data folders with history and a trained champion, made once per run of the benches by the same server that then
 * serves them.
 */
import { cp, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { z } from "strata";
import { PRICE_MODEL } from "../definitions.ts";
import { openServerProcess } from "./server-process.ts";

export interface PreparedFolder {
  readonly folder: string;
  readonly trainedRows: number;
  readonly trainingMs: number;
  /** The storefront's customers. */
  readonly customers: readonly string[];
}

export interface PreparedData {
  /** A copy of the application's folder, under a name of the caller's; two servers cannot share one. */
  copy(application: PreparedApplication, name: string): Promise<PreparedFolder>;
}

export type PreparedApplication = "shop" | "storefront";

export interface PreparationSize {
  readonly purchases: number;
  readonly visitDays: number;
}

const trained = z.object({ version: z.number(), rows: z.number(), elapsedMs: z.number(), passed: z.boolean() });

export function createPreparedData(root: string, size: PreparationSize, say: (text: string) => void): PreparedData {
  const folders = new Map<PreparedApplication, Promise<PreparedFolder>>();
  const prepare = async (application: PreparedApplication): Promise<PreparedFolder> => {
    const folder = join(root, application);
    await mkdir(folder, { recursive: true });
    say(`preparing the ${application}: history and a first training`);
    await using server = await openServerProcess({ script: "./platform-server.ts", args: [application, folder] });
    const isShop = application === "shop";
    const customers = isShop ? (await server.ask("import-purchases", size.purchases, z.undefined()), []) : await server.ask("import-visits", size.visitDays, z.array(z.string()));
    const { rows, elapsedMs, passed } = await server.ask("train", isShop ? PRICE_MODEL : "ranker", trained);
    if (!passed) throw new Error(`the first model of the ${application} did not pass its gates, so nothing would answer`);
    return { folder, customers, trainedRows: rows, trainingMs: elapsedMs };
  };
  return {
    copy: async (application, name) => {
      const known = folders.get(application) ?? prepare(application);
      folders.set(application, known);
      const original = await known;
      const folder = join(root, name);
      await cp(original.folder, folder, { recursive: true });
      return { ...original, folder };
    },
  };
}
