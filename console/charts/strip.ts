/** A thin bar of shares without a legend of its own: what it shows in colours stands in words beside it. */
import { h } from "preact";
import type { ComponentChild } from "preact";
import { formatShare } from "../format/numbers.ts";
import type { Share } from "./bars.ts";

const HEIGHT = 8;

export function Strip({ label, parts }: { readonly label: string; readonly parts: readonly Pick<Share, "name" | "share" | "tone">[] }): ComponentChild {
  const text = `${label}: ${parts.length === 0 ? "none yet" : parts.map(({ name, share }) => `${name} ${formatShare(share)}`).join(", ")}`;
  let start = 0;
  return h("svg", { class: "strip", width: "100%", height: HEIGHT, role: "img", "aria-label": text },
    h("title", null, text),
    parts.map(({ name, share, tone }) => {
      const x = start;
      start += share;
      return h("rect", { key: name, class: `part part-${tone}`, x: `${x * 100}%`, width: `${share * 100}%`, height: HEIGHT });
    }));
}
