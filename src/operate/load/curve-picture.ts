/**
 * The curve of a search as an SVG file: latency (p50, p99, logarithmic) over throughput, the bound, the breaking point and
 * the fitted curve. Colours follow the reader's light or dark scheme; text stays text. Pure.
 */
import { latencyAt } from "./capacity-curve.ts";
import type { QueueCurve } from "./capacity-curve.ts";

export interface CurvePoint {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly isHeld: boolean;
}

export interface CurvePicture {
  readonly title: string;
  /** One line below the title: machine, settings. */
  readonly subtitle: string;
  readonly points: readonly CurvePoint[];
  readonly boundMs: number;
  readonly heldPerSecond: number | undefined;
  /** Of p99; drawn when it is good. */
  readonly curve: QueueCurve | undefined;
}

const WIDTH = 760, HEIGHT = 430;
const LEFT = 72, RIGHT = 24, TOP = 92, BOTTOM = 58;
const CURVE_STEPS = 80;

const STYLE = `
  svg { color-scheme: light dark; font: 13px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
  .back { fill: #ffffff; } .text { fill: #1f2430; } .quiet { fill: #667085; } .grid { stroke: #e6e8ee; }
  .p50 { stroke: #2f7dd1; fill: #2f7dd1; } .p99 { stroke: #c2410c; fill: #c2410c; } .bound { stroke: #b42318; } .held { stroke: #15803d; }
  .bound-text { fill: #b42318; } .held-text { fill: #15803d; } .line { fill: none; stroke-width: 2; } .open { fill: #ffffff; stroke-width: 1.5; }
  @media (prefers-color-scheme: dark) {
    .back { fill: #14171f; } .text { fill: #e8eaf0; } .quiet { fill: #98a2b3; } .grid { stroke: #2a2f3a; }
    .p50 { stroke: #6aa9f0; fill: #6aa9f0; } .p99 { stroke: #f59e6c; fill: #f59e6c; } .bound { stroke: #f97066; } .held { stroke: #4ade80; }
    .bound-text { fill: #f97066; } .held-text { fill: #4ade80; } .open { fill: #14171f; }
  }`;

interface Scale {
  readonly x: (perSecond: number) => number;
  readonly y: (latencyMs: number) => number;
  readonly maxPerSecond: number;
  readonly lowMs: number;
  readonly highMs: number;
}

export function drawCurve(picture: CurvePicture): string {
  const scale = scaleOf(picture);
  const points = picture.points.toSorted((a, b) => a.perSecond - b.perSecond);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" role="img">`,
    `<title>${escape(picture.title)}</title>`, `<style>${STYLE}\n</style>`,
    `<rect class="back" width="${WIDTH}" height="${HEIGHT}" rx="10"/>`,
    `<text class="text" x="${LEFT}" y="30" font-size="16" font-weight="600">${escape(picture.title)}</text>`,
    `<text class="quiet" x="${LEFT}" y="51">${escape(picture.subtitle)}</text>`,
    ...grid(scale), ...boundLines(picture, scale), ...fitted(picture, scale),
    ...series(points, scale, "p50"), ...series(points, scale, "p99"), ...legend(picture), "</svg>", "",
  ].join("\n");
}

function scaleOf({ points, boundMs, heldPerSecond = 0 }: CurvePicture): Scale {
  const maxPerSecond = niceAbove(Math.max(1e-3, heldPerSecond, ...points.map((point) => point.perSecond)) * 1.02);
  const latencies = points.flatMap((point) => [point.p50Ms, point.p99Ms]).filter((latency) => latency > 0);
  const lowMs = 10 ** Math.floor(Math.log10(Math.min(boundMs, ...latencies)));
  const highMs = 10 ** Math.ceil(Math.log10(Math.max(boundMs * 1.2, ...latencies)));
  const share = (latencyMs: number): number => Math.min(1, Math.max(0, Math.log(latencyMs / lowMs) / Math.log(highMs / lowMs)));
  return {
    maxPerSecond, lowMs, highMs,
    x: (perSecond) => LEFT + (perSecond / maxPerSecond) * (WIDTH - LEFT - RIGHT), y: (latencyMs) => HEIGHT - BOTTOM - share(latencyMs) * (HEIGHT - TOP - BOTTOM),
  };
}

/** The next of 1, 2, 2.5, 5, 10 times a power of ten. */
export function niceAbove(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  return ([1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10].find((factor) => factor * power >= value) ?? 10) * power;
}

function grid(scale: Scale): readonly string[] {
  const lines: string[] = [];
  for (let latencyMs = scale.lowMs; latencyMs <= scale.highMs * 1.001; latencyMs *= 10) {
    const y = round(scale.y(latencyMs));
    lines.push(`<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y}" y2="${y}"/>`, `<text class="quiet" x="${LEFT - 8}" y="${y + 4}" text-anchor="end">${escape(latencyText(latencyMs))}</text>`);
  }
  for (let tick = 0; tick <= 5; tick++) {
    const perSecond = (scale.maxPerSecond * tick) / 5;
    lines.push(`<text class="quiet" x="${round(scale.x(perSecond))}" y="${HEIGHT - BOTTOM + 20}" text-anchor="middle">${numberText(perSecond)}</text>`);
  }
  lines.push(`<text class="quiet" x="${(LEFT + WIDTH - RIGHT) / 2}" y="${HEIGHT - 12}" text-anchor="middle">requests per second</text>`);
  return lines;
}

function boundLines({ boundMs, heldPerSecond }: CurvePicture, scale: Scale): readonly string[] {
  const y = round(scale.y(boundMs));
  const lines = [
    `<line class="bound" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${y}" y2="${y}" stroke-dasharray="5 4"/>`,
    `<text class="bound-text" x="${LEFT + 6}" y="${y - 6}">p99 bound ${escape(latencyText(boundMs))}</text>`,
  ];
  if (heldPerSecond === undefined) return lines;
  const x = round(scale.x(heldPerSecond));
  const isRight = x > WIDTH / 2;
  return [
    ...lines, `<line class="held" x1="${x}" x2="${x}" y1="${TOP}" y2="${HEIGHT - BOTTOM}" stroke-dasharray="2 3"/>`,
    `<text class="held-text" x="${x + (isRight ? -6 : 6)}" y="${TOP + 12}" text-anchor="${isRight ? "end" : "start"}">holds ${numberText(heldPerSecond)}/s</text>`,
  ];
}

function fitted({ curve, points }: CurvePicture, scale: Scale): readonly string[] {
  if (curve === undefined || !curve.isGood || points.length === 0) return [];
  const from = Math.min(...points.map((point) => point.perSecond));
  const to = Math.min(scale.maxPerSecond, curve.capacityPerSecond * 0.999);
  const path = Array.from({ length: CURVE_STEPS + 1 }, (_, step) => from + ((to - from) * step) / CURVE_STEPS)
    .map((perSecond) => [perSecond, latencyAt(curve, perSecond)] as const).filter(([, latencyMs]) => latencyMs <= scale.highMs)
    .map(([perSecond, latencyMs], index) => `${index === 0 ? "M" : "L"}${round(scale.x(perSecond))} ${round(scale.y(latencyMs))}`);
  return path.length < 2 ? [] : [`<path class="p99 line" d="${path.join("")}" style="fill:none" stroke-dasharray="7 4" opacity="0.65"/>`];
}

/** A line through what held; what broke stands apart as an open circle. */
function series(points: readonly CurvePoint[], scale: Scale, name: "p50" | "p99"): readonly string[] {
  const placed = points.map((point) => ({ isHeld: point.isHeld, x: round(scale.x(point.perSecond)), y: round(scale.y(point[`${name}Ms`])) }));
  const held = placed.filter((point) => point.isHeld);
  return [
    ...(held.length < 2 ? [] : [`<polyline class="${name} line" style="fill:none" points="${held.map(({ x, y }) => `${x},${y}`).join(" ")}"/>`]),
    ...placed.map(({ x, y, isHeld }) => `<circle class="${name}${isHeld ? "" : " open"}" cx="${x}" cy="${y}" r="4"/>`),
  ];
}

function legend({ curve }: CurvePicture): readonly string[] {
  const entries = [["p50", "p50"], ["p99", "p99"], ["p99 open", "did not hold"], ...(curve?.isGood === true ? [["", "fitted p99"]] : [])] as const;
  return entries.flatMap(([style = "", text = ""], index) => {
    const x = LEFT + index * 112;
    const mark = style === "" ? `<line class="p99" x1="${x - 2}" x2="${x + 14}" y1="66" y2="66" stroke-width="2" stroke-dasharray="5 3"/>` : `<circle class="${style}" cx="${x + 6}" cy="66" r="4"/>`;
    return [mark, `<text class="text" x="${x + 20}" y="70">${text}</text>`];
  });
}

function latencyText(ms: number): string {
  return ms >= 1_000 ? `${numberText(ms / 1_000)} s` : ms >= 0.1 ? `${numberText(ms)} ms` : `${numberText(ms * 1_000)} µs`;
}

const numberText = (value: number): string => (value >= 100 ? Math.round(value).toLocaleString("en-US") : String(Number(value.toPrecision(3))));
const round = (value: number): number => Math.round(value * 10) / 10;
const escape = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll("\"", "&quot;");
