/** The cells of a heatmap's row as one path per band: a few nodes instead of hundreds. Pure. */
import { BANDS, bandOf } from "./psi-bands.ts";
import type { PsiBand } from "./psi-bands.ts";

export interface HeatmapRow {
  readonly name: string;
  /** One value per column; undefined where it was not measured. */
  readonly values: readonly (number | undefined)[];
  /** Drifted in the latest column, by any test. */
  readonly isDrifted?: boolean;
  /** Set apart from the rows after it. */
  readonly isApart?: boolean;
}

export interface CellPaths {
  readonly bands: readonly { readonly name: PsiBand["name"]; readonly path: string }[];
  /** Marks the cells of the highest band, for those who do not tell its colour apart. */
  readonly dots: string;
}

export function cellPaths(values: readonly (number | undefined)[], { width, height }: { readonly width: number; readonly height: number }): CellPaths {
  const pitch = width / Math.max(1, values.length);
  const gap = pitch > 6 ? 1.5 : pitch > 3 ? 0.75 : 0;
  const paths = new Map<string, string>();
  let dots = "";
  for (const [at, value] of values.entries()) {
    if (value === undefined || !Number.isFinite(value)) continue;
    const { name } = bandOf(value);
    const x = round(at * pitch + gap / 2);
    paths.set(name, `${paths.get(name) ?? ""}M${x} 1h${round(pitch - gap)}v${height - 2}h${-round(pitch - gap)}z`);
    if (name === "drift") dots += dot(round(at * pitch + pitch / 2), height / 2, Math.min(2, pitch / 4));
  }
  return { bands: BANDS.flatMap(({ name }) => (paths.has(name) ? [{ name, path: paths.get(name)! }] : [])), dots };
}

/** Which column lies at an offset. */
export function columnAt(offset: number, width: number, columns: number): number {
  return Math.max(0, Math.min(columns - 1, Math.floor((offset / Math.max(1, width)) * columns)));
}

const dot = (x: number, y: number, radius: number): string => `M${round(x - radius)} ${y}a${round(radius)} ${round(radius)} 0 1 0 ${round(2 * radius)} 0a${round(radius)} ${round(radius)} 0 1 0 ${-round(2 * radius)} 0`;
const round = (value: number): number => Math.round(value * 100) / 100;
