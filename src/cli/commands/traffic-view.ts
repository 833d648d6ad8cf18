/** How the traffic of a served model looks in the terminal. */
import type { ShadowReport, TrafficView } from "../../platform/api.ts";
import { formatElapsed, formatNumber, formatPercent, formatTime } from "../terminal/format.ts";
import type { Terminal } from "../terminal/terminal.ts";

interface ArmRow {
  readonly variant: string;
  readonly version: string;
  readonly share: number | undefined;
  readonly role: string;
}

export function showTraffic({ model, state, counts, verdict, moves }: TrafficView, terminal: Terminal): void {
  if (state === null) return terminal.print(`${model}: the default version answers everybody; move traffic with \`strata traffic switch|canary|split|shadow ${model} …\``);
  const others = state.arms.reduce((sum, { share }) => sum + share, 0);
  const rows: readonly ArmRow[] = [
    { variant: "stable", version: state.stable, share: 1 - others, role: "answers" },
    ...state.arms.map((arm): ArmRow => ({ ...arm, role: state.canary?.version === arm.version ? `canary, step ${state.canary.step + 1} of ${state.canary.steps.length}` : "answers" })),
    ...(state.shadow ? [{ variant: "shadow", version: state.shadow.version, share: state.shadow.share, role: "gets copies" }] : []),
    ...(state.standby === null ? [] : [{ variant: "standby", version: state.standby, share: undefined, role: "kept loaded to go back to" }]),
  ];
  terminal.section(model, "");
  terminal.table<ArmRow>([
    { title: "variant", value: ({ variant }) => variant },
    { title: "version", value: ({ version }) => version },
    { title: "share", align: "right", value: ({ share }) => (share === undefined ? "" : formatPercent(share)) },
    { title: "answers", align: "right", value: ({ variant }) => String(counts?.arms[variant]?.requests ?? "") },
    { title: "failed", align: "right", value: ({ variant }) => String(counts?.arms[variant]?.errors ?? "") },
    { title: "slow", align: "right", value: ({ variant }) => String(counts?.arms[variant]?.slow ?? "") },
    { title: "", value: ({ role }) => role },
  ], rows);
  for (const { header, equals, variant } of state.rules) terminal.print(`requests with ${header}: ${equals} go to ${variant}`);
  if (verdict !== "") terminal.print(verdict);
  for (const { timeMs, kind, actor, reason } of moves) terminal.print(`${terminal.palette.dim(formatTime(timeMs))}  ${kind} by ${actor}  ${reason}`);
}

export function showShadowReport(report: ShadowReport, terminal: Terminal): void {
  const { model, version, copied, equalShare, failed, dropped, outputs, latencyMs, examples } = report;
  terminal.section(`${model}: copies to version ${version}`, `${copied} compared, ${formatPercent(equalShare)} equal, ${failed} failed, ${dropped} not sent\np50 ${formatElapsed(latencyMs.shadow.p50)} (stable ${formatElapsed(latencyMs.stable.p50)}), p99 ${formatElapsed(latencyMs.shadow.p99)} (stable ${formatElapsed(latencyMs.stable.p99)})`);
  terminal.table<ShadowReport["outputs"][number]>([
    { title: "output", value: ({ output }) => output },
    { title: "equal", align: "right", value: (row) => formatPercent(row.equalShare) },
    { title: "mean difference", align: "right", value: ({ meanAbsolute }) => formatNumber(meanAbsolute, 6) },
    { title: "p50", align: "right", value: ({ quantiles }) => formatNumber(quantiles.p50, 6) },
    { title: "p99", align: "right", value: ({ quantiles }) => formatNumber(quantiles.p99, 6) },
    { title: "largest", align: "right", value: ({ maximumAbsolute }) => formatNumber(maximumAbsolute, 6) },
    { title: "misfits", value: ({ mismatches }) => Object.entries(mismatches).filter(([, count]) => count > 0).map(([kind, count]) => `${count} ${kind}`).join(", ") },
  ], outputs);
  for (const { id, output, stable, shadow } of examples) terminal.print(`${id ?? "a request"}: ${output} ${stable.join(" ")} became ${shadow.join(" ")}`);
}
