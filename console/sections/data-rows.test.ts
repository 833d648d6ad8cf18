import assert from "node:assert/strict";
import { test } from "node:test";
import { storefrontData } from "../test-support/data-overview.ts";
import { columnText, dataTroubles, distributionText, freshnessText, orderedRules, sampleText, storageText, summaryOf, toneOfRule } from "./data-rows.ts";

const plain = (text: string): string => text.replaceAll("\u202f", " ");
const [purchases, clicks] = storefrontData.expectations;

test("what fails comes first, and a stop is worse than a warning", () => {
  assert.deepEqual(orderedRules(purchases!).map((rule) => [rule.rule, toneOfRule(rule)]), [["possible_quantity", "warning"], ["plausible_price", "bad"], ["stable_price", "plain"], ["has_country", "good"]]);
});

test("a set is summed up by its worst news", () => {
  assert.deepEqual(summaryOf(purchases!), { tone: "bad", text: "stream stopped" });
  const { stopped: _, ...open } = purchases!;
  assert.deepEqual(summaryOf(open), { tone: "warning", text: "2 rules fail" });
  assert.deepEqual(summaryOf({ ...open, rules: open.rules.slice(0, 2) }), { tone: "warning", text: "1 rule fails" });
  assert.deepEqual(summaryOf(clicks!), { tone: "good", text: "1 rule passes" });
  assert.deepEqual(summaryOf({ ...clicks!, rules: [] }), { tone: "plain", text: "nothing judged yet" });
  assert.equal(dataTroubles(storefrontData), 2);
  assert.equal(dataTroubles({ ...storefrontData, expectations: [{ ...purchases!, rules: [] }] }), 1, "a stopped stream counts, whatever its rules say now");
});

test("what was not measured has no figure", () => {
  assert.deepEqual(storefrontData.streams.map((stream) => plain(`${storageText(stream)} / ${freshnessText(stream)}`)), ["hot 3.1 MiB in 4 files, warm 40 MiB in 12 files / p50 3.2 ms, p99 18.4 ms", "– / –"]);
  const columns = storefrontData.profiles[0]!.columns;
  assert.deepEqual(columns.map((column) => plain(columnText(column))), ["none missing · 1,210 distinct", "28.4 % missing · 3,520 distinct", "none missing · 38 distinct", "100 % missing · 0 distinct"]);
  assert.deepEqual(columns.map(distributionText), ["price: values are most often from 2 to 3", "customer: most frequent is 17841", "country: most frequent is United Kingdom", "decision: no value"]);
});

test("a sample says where it is and what it has", () => {
  assert.equal(sampleText({ place: 7, values: { customer: null, item: "a" } }), "offset 7: customer = missing, item = \"a\"");
});
