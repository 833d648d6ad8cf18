/** Spill files in a temporary folder, for tests. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openSpillFolder } from "../../engines/embedded/spill-file.ts";
import type { SpillStore } from "../../ports/spill-store.ts";

export async function openSpillPlace(): Promise<AsyncDisposable & { readonly folder: string; open(): SpillStore }> {
  const folder = await mkdtemp(join(tmpdir(), "strata-spill-"));
  const spills = openSpillFolder(folder);
  return { folder, open: () => spills.open("view"), [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) };
}
