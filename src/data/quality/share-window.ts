/**
 * How many events were judged and how many were bad, over a window that slides in sixty steps. Totals are kept up to
 * date as panes leave, so that reading them costs nothing.
 */

const PANES = 60;

export interface ShareCount {
  readonly evaluated: number;
  readonly failed: number;
}

export interface ShareWindow {
  add(timeMs: number, isBad: boolean): void;
  /** The counts of the window that ends at the given time, or at the newest event if that is later. */
  counts(atMs?: number): ShareCount;
  clear(): void;
  state(): ShareWindowState;
}

export interface ShareWindowState {
  readonly newest: number;
  readonly evaluated: readonly number[];
  readonly failed: readonly number[];
}

export function createShareWindow(windowMs: number, saved?: ShareWindowState): ShareWindow {
  const paneMs = Math.max(1, Math.ceil(windowMs / PANES)); // whole, so that the borders are exact
  const evaluated = Float64Array.from(saved?.evaluated ?? new Float64Array(PANES));
  const failed = Float64Array.from(saved?.failed ?? new Float64Array(PANES));
  let newest = saved?.newest ?? -1;
  let paneFromMs = Infinity, paneToMs = -Infinity; // of the newest pane: most events fall into it, without a division
  let evaluatedTotal = sum(evaluated), failedTotal = sum(failed);

  const advance = (pane: number): void => {
    if (pane <= newest) return;
    for (let next = Math.max(newest + 1, pane - PANES + 1); next <= pane; next++) {
      const slot = next % PANES;
      evaluatedTotal -= evaluated[slot]!;
      failedTotal -= failed[slot]!;
      evaluated[slot] = failed[slot] = 0;
    }
    newest = pane;
    paneFromMs = pane * paneMs;
    paneToMs = paneFromMs + paneMs;
  };

  return {
    add: (timeMs, isBad) => {
      const pane = timeMs >= paneFromMs && timeMs < paneToMs ? newest : Math.max(0, Math.floor(timeMs / paneMs));
      advance(pane);
      if (pane <= newest - PANES) return; // older than the window
      const slot = pane % PANES;
      evaluated[slot] = evaluated[slot]! + 1;
      evaluatedTotal += 1;
      if (!isBad) return;
      failed[slot] = failed[slot]! + 1;
      failedTotal += 1;
    },
    counts: (atMs) => {
      if (atMs !== undefined) advance(Math.floor(atMs / paneMs));
      return { evaluated: evaluatedTotal, failed: failedTotal };
    },
    clear: () => {
      evaluated.fill(0);
      failed.fill(0);
      evaluatedTotal = failedTotal = 0;
    },
    state: () => ({ newest, evaluated: [...evaluated], failed: [...failed] }),
  };
}

function sum(values: Float64Array): number {
  return values.reduce((total, value) => total + value, 0);
}
