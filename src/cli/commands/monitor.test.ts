import assert from "node:assert/strict";
import { test } from "node:test";
import { createManualClock } from "../../kernel/clock.ts";
import { createRecordedHost } from "../recorded-host.ts";
import { createTerminal } from "../terminal/terminal.ts";
import { renderMonitored, type Monitored } from "./monitor.ts";

const window = (atMs: number, psi: number) => ({
  atMs, rows: 1000, features: [{ name: "activity.orders", psi, ks: 0.1, drifted: psi > 0.2 }, { name: "activity.spend", psi: 0.01, ks: null, drifted: false }],
});
const monitored: Monitored = {
  drift: [{ model: "ranker", version: 2, windows: [window(0, 0.05), window(60_000, 0.4)] }],
  performance: [{ model: "ranker", endpoint: "recommend", windows: [{ atMs: 0, variant: "champion", version: 2, answers: 1200, meanReward: 0.0625, completeShare: 0.5 }] }],
  alerts: [{ atMs: 0, kind: "alert", subject: "ranker", verdict: "drift", reason: "1 feature drifted." }],
  decisions: [{ atMs: 0, kind: "trigger", subject: "ranker", verdict: "retrain", reason: "Drift." }],
};

function rendered(values: Monitored): readonly [output: string, errors: string] {
  const host = createRecordedHost({ clock: createManualClock() });
  renderMonitored(values, { terminal: createTerminal({ ...host, json: false }) });
  return [host.output(), host.errors()];
}

test("drift, rewards and decisions are told with their numbers, the most drifted first", () => {
  const [output, errors] = rendered(monitored);
  assert.equal(output, [
    "drift of ranker v2  1 feature drifted in the latest of 2 windows (1970-01-01 00:01:00Z, 1,000 rows)",
    "feature           PSI   KS           PSI over time",
    "activity.orders   0.4  0.1  drifted  ▂█",
    "activity.spend   0.01    –  stable   ▁▁",
    "",
    "rewards at recommend",
    "from                  answered by  answers  mean reward  complete",
    "1970-01-01 00:00:00Z  champion v2    1,200       0.0625       50%",
    "",
    "time                  kind     subject  verdict  reason",
    "1970-01-01 00:00:00Z  trigger  ranker   retrain  Drift.",
    "",
  ].join("\n"));
  assert.equal(errors, "! ranker: 1 feature drifted.\n");
});

test("before anything was measured it says what is waited for", () => {
  const [output] = rendered({ drift: [{ model: "ranker", version: 1, windows: [] }], performance: [], alerts: [], decisions: [] });
  assert.equal(output, "drift of ranker v1  no window is complete yet; drift is judged on windows of sampled rows\n\nnothing has been decided yet\n");
});
