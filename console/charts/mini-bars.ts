/** A distribution as small bars without axes: each bar's range and count stand in its tooltip, the whole in words. */
import { h } from "preact";
import type { ComponentChild } from "preact";
import { formatCount } from "../format/numbers.ts";

const WIDTH = 160;
const HEIGHT = 40;
const GAP = 1;
/** A bar that stands for something is seen. */
const LEAST_PX = 1;

export interface MiniBar {
  readonly label: string;
  readonly count: number;
}

export function MiniBars({ label, bars }: { readonly label: string; readonly bars: readonly MiniBar[] }): ComponentChild {
  const largest = Math.max(...bars.map(({ count }) => count), 1);
  const step = WIDTH / Math.max(1, bars.length);
  return h("svg", { class: "mini-bars", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", "aria-label": label },
    bars.map((bar, at) => {
      const height = bar.count === 0 ? 0 : Math.max(LEAST_PX, (bar.count / largest) * HEIGHT);
      return h("rect", { key: at, x: at * step, y: HEIGHT - height, width: Math.max(step - GAP, GAP), height }, h("title", null, `${bar.label}: ${formatCount(bar.count)}`));
    }));
}
