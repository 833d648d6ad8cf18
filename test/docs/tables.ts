/** Tables of the guides that follow from the code, as Markdown. A guide must hold them word for word. */
import { ERRORS } from "../../src/kernel/errors.ts";
import type { ErrorRow } from "../../src/kernel/errors.ts";
import { loadConfig, variableOf } from "../../src/platform/config.ts";

interface Column<Row> {
  readonly title: string;
  readonly value: (row: Row) => string;
}

/** A vertical bar would end the cell. */
const cell = (text: string): string => text.replaceAll("|", "\\|");

export function markdownTable<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |\n`;
  return line(columns.map(({ title }) => title)) + line(columns.map(() => "---")) + rows.map((row) => line(columns.map(({ value }) => cell(value(row))))).join("");
}

export function errorTable(): string {
  const rows = Object.entries<ErrorRow>(ERRORS);
  return markdownTable<(typeof rows)[number]>([
    { title: "Code", value: ([code]) => `\`${code}\`` },
    { title: "HTTP", value: ([, { status }]) => String(status) },
    { title: "Fault", value: ([, { fault }]) => fault },
    { title: "Try again", value: ([, { retryable }]) => (retryable ? "yes" : "no") },
    { title: "What happened", value: ([, { message }]) => message },
    { title: "What to do", value: ([, { hint }]) => hint },
  ], rows);
}

/** Defaults that depend on the machine, in words. */
const DEFAULTS_IN_WORDS: Readonly<Record<string, string>> = { trainingThreads: "cores − 1, from 1 to 4", grpcPort: "`port` + 1" };

export function configTable(): string {
  const { entries } = loadConfig({ environment: {}, flags: {} });
  return markdownTable<(typeof entries)[number]>([
    { title: "Setting", value: ({ key }) => `\`${key}\`` },
    { title: "Variable", value: ({ key }) => `\`${variableOf(key)}\`` },
    { title: "Default", value: ({ key, value }) => DEFAULTS_IN_WORDS[key] ?? `\`${String(value)}\`` },
    { title: "What it is", value: ({ description }) => description },
  ], entries);
}

export interface Instrument {
  readonly name: string;
  readonly kind: string;
  readonly help: string;
}

/** Counters show with `_total`; see protocols/prometheus. */
export function metricTable(instruments: readonly Instrument[]): string {
  return markdownTable<Instrument>([
    { title: "Metric", value: ({ name }) => `\`${name}\`` },
    { title: "Kind", value: ({ kind }) => kind },
    { title: "What it counts", value: ({ help }) => help },
  ], instruments.toSorted((a, b) => (a.name < b.name ? -1 : 1)));
}
