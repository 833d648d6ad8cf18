import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createPalette } from "./color.ts";
import { fitWidths, renderPairs, renderTable, type Column } from "./table.ts";
import { displayWidth } from "./width.ts";

interface Model { readonly name: string; readonly version: number; readonly alias?: string }

const columns: readonly Column<Model>[] = [
  { title: "model", value: (model) => model.name },
  { title: "version", value: (model) => model.version },
  { title: "alias", value: (model) => model.alias },
];

test("a piped table is aligned, plain and whole", () => {
  const text = renderTable(columns, [{ name: "ranker", version: 12, alias: "champion" }, { name: "fraud-日本", version: 3 }]);
  assert.equal(text, [
    "model       version  alias",
    "ranker           12  champion",
    "fraud-日本        3  –",
  ].join("\n"));
});

test("a table on a terminal takes from its widest column", () => {
  const text = renderTable(columns, [{ name: "a-very-long-model-name-indeed", version: 1, alias: "champion" }], { width: 32 });
  assert.equal(text, [
    "model          version  alias",
    "a-very-long-…        1  champion",
  ].join("\n"));
});

test("titles are dim with colour", () => {
  const text = renderTable(columns.slice(0, 1), [{ name: "ranker", version: 1 }], { palette: createPalette(true) });
  assert.equal(text, "\u001B[2mmodel\u001B[22m\nranker");
});

test("cells cannot break the table", () => {
  assert.equal(renderTable(columns.slice(0, 1), [{ name: "two\nlines\u001B[2J", version: 1 }]), "model\ntwo lines");
});

test("a table without rows says so", () => {
  assert.equal(renderTable(columns, []), "none");
  assert.equal(renderTable(columns, [], { empty: "no models yet" }), "no models yet");
});

test("columns shrink to fit, but never below six, and only as far as needed", () => {
  assert.deepEqual(fitWidths([10, 4], 40), [10, 4]);
  assert.deepEqual(fitWidths([10, 4], undefined), [10, 4]);
  fc.assert(fc.property(fc.array(fc.nat(200), { minLength: 1, maxLength: 8 }), fc.integer({ min: 1, max: 200 }), (natural, available) => {
    const widths = fitWidths(natural, available);
    const total = widths.reduce((sum, width) => sum + width, 0) + 2 * (widths.length - 1);
    const narrow = widths.every((width) => width <= 6);
    assert.ok(total <= available || narrow, `${widths.join()} in ${available}`);
    for (const [index, width] of widths.entries()) assert.ok(width <= natural[index]! && (width >= Math.min(6, natural[index]!, available)));
  }));
});

test("every line of a fitted table fits", () => {
  fc.assert(fc.property(fc.array(fc.record({ name: fc.string({ unit: "grapheme" }), version: fc.nat() })), fc.integer({ min: 40, max: 120 }), (rows, width) => {
    for (const line of renderTable(columns, rows, { width }).split("\n")) assert.ok(displayWidth(line) <= width, line);
  }));
});

test("pairs align their values", () => {
  assert.equal(renderPairs([["model", "ranker"], ["rows", 12_000], ["ready", true], ["alias", undefined]]), [
    "model  ranker", "rows   12,000", "ready  true", "alias  –",
  ].join("\n"));
});
