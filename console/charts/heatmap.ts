/** PSI of features over windows: one row each, colour and a dot by band. A row is a button that opens its line. */
import { h } from "preact";
import type { ComponentChild } from "preact";
import { useState } from "preact/hooks";
import { formatPsi } from "../format/numbers.ts";
import { Icon } from "../icons.ts";
import { cellPaths, columnAt } from "./heatmap-cells.ts";
import type { HeatmapRow } from "./heatmap-cells.ts";
import { BANDS, bandOf } from "./psi-bands.ts";
import { useWidth } from "./use-width.ts";

export interface HeatmapProps {
  readonly label: string;
  readonly rows: readonly HeatmapRow[];
  /** What stands for each column, oldest first. */
  readonly columns: readonly string[];
  readonly selected: string | undefined;
  readonly onSelect: (name: string) => void;
}

interface Pointed {
  readonly row: string;
  readonly column: number;
}

const ROW_HEIGHT = 22;

export function Heatmap({ label, rows, columns, selected, onSelect }: HeatmapProps): ComponentChild {
  const [ref, width] = useWidth<HTMLSpanElement>();
  const [pointed, point] = useState<Pointed | undefined>(undefined);
  const pointedRow = rows.find((row) => row.name === pointed?.row);
  const pointedPsi = pointed === undefined ? undefined : pointedRow?.values[pointed.column];
  return h("div", { class: "heatmap" },
    h("div", { class: "heatmap-head" },
      h("ul", { class: "bands", "aria-label": "Bands of the population stability index" }, BANDS.map((band) => h("li", { key: band.name }, h("i", { class: `band-${band.name}`, "aria-hidden": "true" }), `${band.meaning}, ${band.range}`))),
      h("span", { class: "heatmap-at" }, pointed === undefined || pointedRow === undefined ? "Point at a cell to read it, choose a row to see its line." : [h("b", null, pointedRow.name), ` · ${columns[pointed.column] ?? ""} · PSI ${formatPsi(pointedPsi)} · ${pointedPsi === undefined ? "not measured" : bandOf(pointedPsi).meaning}`])),
    h("div", { class: "heatmap-row heatmap-axis", "aria-hidden": "true" }, h("span", null, "feature"), h("span", { ref, class: "heatmap-span" }, h("span", null, columns[0] ?? ""), columns.length > 1 ? h("span", null, columns.at(-1)) : null), h("span", null, "latest")),
    h("ul", { class: "heatmap-rows", "aria-label": label }, rows.map((row) => h("li", { key: row.name }, h("button", {
      type: "button", class: `heatmap-row ${row.isApart === true ? "apart" : ""}`, "aria-pressed": row.name === selected, onClick: () => onSelect(row.name),
      "aria-label": `${row.name}: PSI ${formatPsi(row.values.at(-1))} in the latest of ${columns.length} windows${row.isDrifted === true ? ", drifted" : ""}`,
    },
      h("span", { class: "heatmap-name", title: row.isDrifted === true ? `${row.name} drifted in the latest window` : row.name }, h("span", null, row.name), row.isDrifted === true ? h(Icon, { name: "warning", size: 12 }) : null),
      h("span", {
        class: "heatmap-cells", onPointerMove: (event: PointerEvent) => point({ row: row.name, column: columnAt(event.offsetX, width, columns.length) }), onPointerLeave: () => point(undefined),
      }, width === 0 ? null : h(Cells, { row, width, pointed: pointed?.row === row.name ? pointed.column : undefined })),
      h(Latest, { psi: row.values.at(-1) }))))));
}

function Latest({ psi }: { readonly psi: number | undefined }): ComponentChild {
  return h("span", { class: `heatmap-latest latest-${psi === undefined ? "none" : bandOf(psi).name}` }, formatPsi(psi));
}

function Cells({ row, width, pointed }: { readonly row: HeatmapRow; readonly width: number; readonly pointed: number | undefined }): ComponentChild {
  const { bands, dots } = cellPaths(row.values, { width, height: ROW_HEIGHT });
  const cell = width / Math.max(1, row.values.length);
  return h("svg", { width, height: ROW_HEIGHT, "aria-hidden": "true" },
    bands.map(({ name, path }) => h("path", { key: name, class: `band-${name}`, d: path })),
    h("path", { class: "band-dots", d: dots }),
    pointed === undefined ? null : h("rect", { class: "heatmap-pointer", x: pointed * cell + 0.5, y: 0.5, width: Math.max(2, cell - 1), height: ROW_HEIGHT - 1, rx: 2 }));
}
