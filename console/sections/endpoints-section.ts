/** Endpoints: who answers, how fast, and how both went over the last minutes. */
import { h } from "preact";
import type { ComponentChild } from "preact";
import { StackedBar } from "../charts/bars.ts";
import { LineChart } from "../charts/line-chart.ts";
import { RECENT_TIME } from "../charts/time-axis.ts";
import { NO_VALUE, formatCount, formatMilliseconds, formatRate, formatShare } from "../format/numbers.ts";
import { Badge, Card, Empty, Figure, Section } from "../parts.ts";
import type { EndpointOverview } from "../../src/protocols/admin/overview.ts";
import { toneOfVariant } from "./tones.ts";

export function EndpointsSection({ endpoints }: { readonly endpoints: readonly EndpointOverview[] }): ComponentChild {
  return h(Section, { name: "endpoints", title: "Endpoints", hint: "Latencies of the last minute; traffic since the start." },
    endpoints.length === 0 ? h(Empty, { text: "No endpoint is defined. Add one with defineEndpoint to the definition file, then apply it.", command: "strata apply" }) : null,
    endpoints.map((endpoint) => h(Endpoint, { key: endpoint.name, endpoint })));
}

/** Above it the fallback is more than an exception; as in the loop's marks. */
const FALLBACK_WARNING = 0.01;

function Endpoint({ endpoint }: { readonly endpoint: EndpointOverview }): ComponentChild {
  const { name, description, model, requests, requestsPerSecond, latencyMs, fallbackShare, traffic } = endpoint;
  const hasTraffic = requests > 0;
  const latency = (value: number): string => (hasTraffic ? formatMilliseconds(value) : NO_VALUE);
  return h(Card, { title: name, note: description, aside: h(Badge, null, `model ${model}`) },
    h("dl", { class: "figures" },
      h(Figure, { label: "Requests", value: formatRate(requestsPerSecond), unit: "/s", note: `${formatCount(requests)} in all` }),
      h(Figure, { label: "p50", value: latency(latencyMs.p50) }), h(Figure, { label: "p90", value: latency(latencyMs.p90) }), h(Figure, { label: "p99", value: latency(latencyMs.p99) }),
      h(Figure, { label: "Fallback", value: hasTraffic ? formatShare(fallbackShare) : NO_VALUE, ...(hasTraffic && fallbackShare >= FALLBACK_WARNING ? { note: h(Badge, { tone: "warning" }, "above 1 %") } : {}) })),
    hasTraffic ? h("div", { class: "split" }, h("h4", null, "Traffic"), h(StackedBar, { label: `Traffic of ${name}`, parts: traffic.map(({ variant, version, requests: count, share }) => ({ name: version === 0 ? variant : `${variant} v${version}`, count, share, tone: toneOfVariant(variant) })) }))
      : h(Empty, { text: `Nobody has asked ${name} yet. POST a request to /v1/endpoints/${name}.` }),
    h(History, { endpoint }));
}

function History({ endpoint: { name, history } }: { readonly endpoint: EndpointOverview }): ComponentChild {
  if (history.length < 2) return null;
  const points = (pick: (sample: EndpointOverview["history"][number]) => number) => history.map((sample) => ({ x: sample.atWallMs, y: pick(sample) }));
  return h("div", { class: "pair" },
    h("div", null, h("h4", null, "Requests per second"), h(LineChart, { ...RECENT_TIME, label: `Requests per second of ${name}`, formatY: formatRate, series: [{ name: "requests/s", tone: 1, isArea: true, points: points((sample) => sample.requestsPerSecond) }] })),
    h("div", null, h("h4", null, "Latency"), h(LineChart, {
      ...RECENT_TIME, label: `Latency of ${name}`, formatY: formatMilliseconds,
      series: [{ name: "p50", tone: 2, points: points((sample) => sample.p50Ms) }, { name: "p99", tone: 3, points: points((sample) => sample.p99Ms) }],
    })));
}
