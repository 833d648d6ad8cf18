/** What the data are like: rules with their state, trend and samples, where streams are stored, what columns hold. */
import { h } from "preact";
import type { ComponentChild } from "preact";
import { MiniBars } from "../charts/mini-bars.ts";
import { Sparkline } from "../charts/sparkline.ts";
import { counted, formatCount, formatRate } from "../format/numbers.ts";
import { formatMoment } from "../format/times.ts";
import { Badge, Card, Empty, Section, Table } from "../parts.ts";
import type { DataOverview, ExpectationsOverview, Overview, ProfileOverview, RuleOverview, StreamOverview } from "../../src/protocols/admin/overview.ts";
import { columnText, distributionText, freshnessText, orderedRules, sampleText, storageText, summaryOf, toneOfRule } from "./data-rows.ts";

export function DataSection({ data, overview }: { readonly data: DataOverview; readonly overview: Overview }): ComponentChild {
  return h(Section, { name: "data", title: "Data", hint: "Expectations over the live streams with samples of what offends, storage by tier, freshness of features, and profiles of what is stored." },
    data.expectations.length === 0 ? h(Empty, { text: "No expectations are declared. defineExpectations says what a stream's events must look like, and what happens to those that do not." }) : null,
    data.expectations.map((one) => h(Expectations, { key: one.name, expectations: one })),
    h(Card, { title: "Streams", note: "what comes in, and where it lies" }, h(Streams, { data, streams: overview.streams })),
    data.profiles.length === 0 && data.streams[0] !== undefined ? h(Empty, { text: "No profile was made since the start.", command: `strata quality profile ${data.streams[0].stream}` }) : null,
    data.profiles.map((profile) => h(Profile, { key: profile.stream, profile })));
}

function Expectations({ expectations }: { readonly expectations: ExpectationsOverview }): ComponentChild {
  const { name, stream, description, stopped } = expectations;
  const summary = summaryOf(expectations);
  return h(Card, { title: name, note: `of stream ${stream}${description === "" ? "" : ` · ${description}`}`, aside: h(Badge, { tone: summary.tone }, summary.text) },
    stopped === undefined ? null : h("p", { class: "stopped", role: "status" }, h("b", null, `${stream} takes no events since ${formatMoment(stopped.atMs)} UTC. `), `Rule ${stopped.rule} failed: ${stopped.reason} `, "Open it with ", h("code", null, `strata quality resume ${stream} --reason "…"`), "."),
    h("ul", { class: "rules" }, orderedRules(expectations).map((rule) => h(Rule, { key: rule.rule, rule }))));
}

function Rule({ rule }: { readonly rule: RuleOverview }): ComponentChild {
  const { rule: name, action, status, sentence, because, trend, samples } = rule;
  const isFailing = status === "failing";
  return h("li", { class: `rule rule-${status}` },
    h("div", { class: "rule-state" }, h(Badge, { tone: toneOfRule(rule) }, status)),
    h("div", { class: "rule-text" },
      h("p", null, h("b", null, name), " ", h("span", { class: "rule-action" }, action)),
      h("p", null, sentence, isFailing && because !== "" ? ` ${because}` : ""),
      samples.length === 0 ? null : h("details", null, h("summary", null, `${counted(samples.length, "sample")} of what offends`), h("ul", { class: "samples" }, samples.map((sample) => h("li", { key: `${sample.place} ${sample.deadLetterId ?? ""}` }, h("code", null, sampleText(sample))))))),
    h("div", { class: "rule-trend", title: trend.length < 3 ? undefined : "share of bad events at past verdicts, or the size of drift" }, h(Sparkline, { values: trend, tone: isFailing ? 3 : 2 })));
}

const STREAM_COLUMNS = [{ title: "stream" }, { title: "events/s", isNumber: true }, { title: "events", isNumber: true }, { title: "dead letters", isNumber: true }, { title: "not in the lake yet", isNumber: true }, { title: "stored" }, { title: "features show it after" }] as const;

function Streams({ data, streams }: { readonly data: DataOverview; readonly streams: readonly StreamOverview[] }): ComponentChild {
  const rates = new Map(streams.map((stream) => [stream.name, stream]));
  return h(Table, {
    label: "Streams", columns: STREAM_COLUMNS,
    rows: data.streams.map((one) => {
      const measured = rates.get(one.stream);
      const letters = Object.values(measured?.deadLetters ?? {}).reduce((sum, count) => sum + count, 0);
      return { key: one.stream, cells: [one.stream, formatRate(measured?.eventsPerSecond ?? Number.NaN), formatCount(measured?.events ?? Number.NaN), formatCount(letters), formatCount(one.waitingRows), storageText(one), freshnessText(one)] };
    }),
  });
}

function Profile({ profile: { stream, rows, columns } }: { readonly profile: ProfileOverview }): ComponentChild {
  return h(Card, { title: `Profile of ${stream}`, note: `${counted(rows, "event")}, ${counted(columns.length, "column")}` },
    h("ul", { class: "columns" }, columns.map((column) => h("li", { key: column.name },
      h("h4", null, column.name), h("p", { class: "quiet" }, columnText(column)),
      column.bars.length === 0 ? null : h(MiniBars, { label: distributionText(column), bars: column.bars }),
      column.bars.length === 0 ? null : h("p", { class: "quiet range" }, h("span", null, rangeStart(column.bars)), h("span", null, rangeEnd(column.bars)))))));
}

const rangeStart = (bars: ProfileOverview["columns"][number]["bars"]): string => bars[0]?.label.split(" to ")[0] ?? "";
const rangeEnd = (bars: ProfileOverview["columns"][number]["bars"]): string => (bars.length < 2 ? "" : bars.at(-1)!.label.split(" to ").at(-1) ?? "");
