/** Runs on record pin their snapshots; those of runs from before there were pins are pinned at the start. */
import type { Lake } from "../data/index.ts";
import { StrataError, isStrataError } from "../kernel/errors.ts";
import type { Experiments } from "../modelops/index.ts";

const PAGE = 1_000;

export async function pinRunSnapshots(lake: Lake, experiments: Experiments): Promise<void> {
  const unpinned = new Set((await lake.snapshots()).filter(({ pins }) => pins.length === 0).map(({ id }) => id));
  for (let cursor: string | undefined; unpinned.size > 0;) {
    const { runs, nextCursor } = await experiments.listRuns({ limit: PAGE, ...(cursor === undefined ? {} : { cursor }) });
    for (const { id, snapshot } of runs) {
      if (unpinned.has(snapshot)) await lake.pin(snapshot, `run ${id}`).catch(ignoreMissing);
    }
    if (nextCursor === undefined) return;
    cursor = nextCursor;
  }
}

function ignoreMissing(thrown: unknown): void {
  if (!(isStrataError(thrown) && thrown.code === "SNAPSHOT_NOT_FOUND")) throw thrown instanceof Error ? thrown : new StrataError("INTERNAL", { reason: String(thrown) });
}
