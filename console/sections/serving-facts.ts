/** What the serving section shows of a model, worked out from its overview: pure. */
import type { Share } from "../charts/bars.ts";
import { formatMetric, formatMilliseconds, formatShare } from "../format/numbers.ts";
import type { BadgeProps } from "../parts.ts";
import type { Quantiles, ServedModelOverview, ServedVersionOverview, ShadowOverview } from "../../src/protocols/admin/overview.ts";

type Tone = NonNullable<BadgeProps["tone"]>;

/** Reasons keep their colour in every model: company found is blue, time waited orange, trouble pink, the rest grey. */
const REASON_TONES: Readonly<Record<string, number>> = {
  "instance was free": 2, "batch was full": 1, "preferred size was reached": 1, "delay was over": 3, "retried alone": 4, "retried in a smaller batch": 4,
};

/** Why batches left, as shares of all of them. */
export function batchShares({ batches }: Pick<ServedModelOverview, "batches">): readonly Share[] {
  const all = batches.reduce((sum, { count }) => sum + count, 0);
  return batches.map(({ reason, count }) => ({ name: reason, count, share: all === 0 ? 0 : count / all, tone: REASON_TONES[reason] ?? 0 }));
}

/** "v2"; an alias that traffic goes to keeps its name. */
export const versionText = (version: string): string => (/^\d/.test(version) ? `v${version}` : version);

const VARIANT_TONES: Readonly<Record<string, number>> = { stable: 1, canary: 3 };
const OTHER_TONES = [4, 2] as const;

/** Who answers: the arms of the traffic plan; without one, what each version has answered so far. */
export function trafficShares({ traffic, versions }: Pick<ServedModelOverview, "traffic" | "versions">): readonly Share[] {
  if (traffic !== undefined) {
    let others = 0;
    return traffic.arms.filter(({ share }) => share > 0).map(({ variant, version, share, requests }) =>
      ({ name: `${variant} ${versionText(version)}`, share, count: requests, tone: VARIANT_TONES[variant] ?? OTHER_TONES[others++ % OTHER_TONES.length]! }));
  }
  const asked = versions.filter(({ requests }) => requests > 0);
  const all = asked.reduce((sum, { requests }) => sum + requests, 0);
  return asked.map(({ version, requests }, at) => ({ name: versionText(version), share: requests / all, count: requests, tone: 1 + (at % 4) }));
}

/** The version whose latencies stand for the model: the busiest now, of equals the one that answered most. */
export function busiestVersion({ versions }: Pick<ServedModelOverview, "versions">): ServedVersionOverview | undefined {
  return versions.toSorted((a, b) => b.requestsPerSecond - a.requestsPerSecond || b.requests - a.requests)[0];
}

/** "1.2 / 9.8 ms", in one unit where both have the same. */
export function quantileText(quantiles: Quantiles | null): string {
  if (quantiles === null) return "–";
  const [p50, p99] = [formatMilliseconds(quantiles.p50), formatMilliseconds(quantiles.p99)];
  const unit = /\u202f\S+$/.exec(p99)?.[0] ?? "";
  return `${p50.endsWith(unit) ? p50.slice(0, p50.length - unit.length) : p50} / ${p99}`;
}

const STATE_TONES: Readonly<Record<string, Tone>> = { READY: "good", LOADING: "active", UNLOADING: "active", UNAVAILABLE: "bad" };
export const toneOfState = (state: string): Tone => STATE_TONES[state] ?? "plain";

const REPLICA_TONES: Readonly<Record<string, Tone>> = { ready: "good", "starting slowly": "active", slow: "warning", ejected: "warning", busy: "warning", "half-open": "warning", open: "bad" };
export const toneOfReplica = (state: string): Tone => REPLICA_TONES[state] ?? "plain";

export interface ShadowVerdict {
  readonly tone: Tone;
  readonly text: string;
  readonly explanation: string;
}

/** Answers that differ more often than this deserve a look, as the default plan of a canary has it. */
const DIFFERING_WARNING = 0.01;

export function shadowVerdict({ version, share, compared, differingShare, maximumAbsolute, failures }: ShadowOverview): ShadowVerdict {
  const copies = `Version ${version} gets copies of ${formatShare(share)} of the requests; its answers are compared and thrown away.`;
  if (compared + failures === 0) return { tone: "info", text: `shadow ${versionText(version)}: nothing compared yet`, explanation: copies };
  const failed = failures === 0 ? "" : ` ${failures} copies failed.`;
  const text = differingShare === 0 ? `shadow ${versionText(version)}: all ${compared} alike` : `shadow ${versionText(version)}: ${formatShare(differingShare)} differ`;
  return {
    tone: failures > 0 || differingShare > DIFFERING_WARNING ? "warning" : "good", text,
    explanation: `${copies} ${compared} compared, ${formatShare(differingShare)} differed, by ${formatMetric(maximumAbsolute)} at most.${failed}`,
  };
}
