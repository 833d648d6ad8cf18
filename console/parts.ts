/** Small parts that sections are made of: figures, badges, empty states, tables. */
import { h } from "preact";
import type { ComponentChild, ComponentChildren } from "preact";
import { Icon } from "./icons.ts";
import type { IconName } from "./icons.ts";
import type { Tone } from "./loop/marks.ts";
import { sectionId } from "./route.ts";
import type { SectionName } from "./route.ts";

export interface SectionProps {
  readonly name: SectionName;
  readonly title: string;
  readonly hint?: string;
  readonly children?: ComponentChildren;
}

export function Section({ name, title, hint, children }: SectionProps): ComponentChild {
  const heading = `${sectionId(name)}-title`;
  return h("section", { id: sectionId(name), class: "section", "aria-labelledby": heading },
    h("header", { class: "section-head" }, h("h2", { id: heading }, title), hint === undefined ? null : h("p", null, hint)),
    children);
}

export interface CardProps {
  readonly title: string;
  /** Beside the title. */
  readonly aside?: ComponentChildren;
  readonly note?: string | undefined;
  readonly class?: string;
  readonly children?: ComponentChildren;
}

export function Card({ title, aside, note, class: name = "", children }: CardProps): ComponentChild {
  return h("article", { class: `card ${name}`.trimEnd() },
    h("header", { class: "card-head" }, h("div", null, h("h3", null, title), note === undefined || note === "" ? null : h("p", null, note)), aside === undefined ? null : h("div", { class: "card-aside" }, aside)),
    children);
}

export interface FigureProps {
  readonly label: string;
  readonly value: string;
  readonly unit?: string;
  readonly note?: ComponentChildren;
  readonly children?: ComponentChildren;
}

export function Figure({ label, value, unit, note, children }: FigureProps): ComponentChild {
  return h("div", { class: "figure" },
    h("dt", null, label),
    h("dd", null, h("span", { class: "figure-value" }, value, unit === undefined ? null : h("small", null, unit)), note === undefined ? null : h("span", { class: "figure-note" }, note), children));
}

const TONE_ICONS: Readonly<Record<Tone | "good", IconName>> = { bad: "bad", warning: "warning", active: "active", info: "info", good: "check" };

export interface BadgeProps {
  readonly tone?: Tone | "good" | "plain";
  readonly title?: string;
  readonly children?: ComponentChildren;
}

/** A word in a pill; its tone shows by an icon too. */
export function Badge({ tone = "plain", title, children }: BadgeProps): ComponentChild {
  return h("span", { class: `badge badge-${tone}`, title }, tone === "plain" ? null : h(Icon, { name: TONE_ICONS[tone], size: 12 }), children);
}

/** Says what is missing, and what to do next. */
export function Empty({ text, command }: { readonly text: string; readonly command?: string }): ComponentChild {
  return h("div", { class: "empty" }, h("p", null, text), command === undefined ? null : h("p", null, "Run: ", h("code", null, command)));
}

export interface TableProps {
  readonly label: string;
  readonly columns: readonly TableColumn[];
  readonly rows: readonly TableRow[];
}

export interface TableColumn {
  readonly title: string;
  readonly isNumber?: boolean;
}

export interface TableRow {
  readonly key: string;
  readonly isSelected?: boolean;
  readonly cells: readonly ComponentChildren[];
}

export function Table({ label, columns, rows }: TableProps): ComponentChild {
  const kind = (at: number): string => (columns[at]?.isNumber === true ? "number" : "");
  return h("div", { class: "table-scroll", role: "region", "aria-label": label, tabIndex: 0 },
    h("table", null,
      h("thead", null, h("tr", null, columns.map(({ title }, at) => h("th", { scope: "col", class: kind(at) }, title)))),
      h("tbody", null, rows.map(({ key, isSelected, cells }) =>
        h("tr", { key, class: isSelected === true ? "selected" : "" }, cells.map((cell, at) => h("td", { class: kind(at) }, cell)))))));
}
