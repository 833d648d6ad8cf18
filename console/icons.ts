/** Small line drawings on a 16 × 16 grid. */
import { h } from "preact";
import type { ComponentChild } from "preact";

export const ICONS = {
  stream: "M1.5 5c2.2-2.4 4.3-2.4 6.5 0s4.3 2.4 6.5 0M1.5 11c2.2-2.4 4.3-2.4 6.5 0s4.3 2.4 6.5 0",
  view: "M2 3.5h12v9H2zM2 6.7h12M6.5 6.7v5.8",
  candidates: "M2 4h8.5M2 8h6M2 12h3.5M11.5 8.5v5m-2-2 2 2 2-2",
  model: "M8 2.2v3.6M8 5.8 4 9.5M8 5.8l4 3.7M4 9.5v.1M12 9.5v.1M4 13.2a1.8 1.8 0 1 0 0-3.6 1.8 1.8 0 0 0 0 3.6zM12 13.2a1.8 1.8 0 1 0 0-3.6 1.8 1.8 0 0 0 0 3.6z",
  endpoint: "M9 1.8 3.5 9H8l-1 5.2L12.5 7H8z",
  caller: "M5.3 11a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM8.3 8h6.2M12.3 8v2.6",
  language: "M2 3h12v8.2H7.4L4 14v-2.8H2zM5 6h6M5 8.4h3.6",
  upstream: "M2.5 2.8h11v4.4h-11zM2.5 8.8h11v4.4h-11zM5 5v.1M5 11v.1",
  bad: "M8 1.8 14.6 13.5H1.4zM8 6.2v3.3M8 11.4v.2",
  warning: "M8 1.8 14.6 13.5H1.4zM8 6.2v3.3M8 11.4v.2",
  active: "M13.5 8A5.5 5.5 0 1 1 8 2.5M8 2.5 10.5 1M8 2.5 10.5 4.5",
  info: "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zM8 7.3v3.7M8 5v.2",
  close: "m3.5 3.5 9 9M12.5 3.5l-9 9",
  system: "M2 3h12v8H2zM6 14h4M8 11v3",
  light: "M8 11a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM8 1v1.5M8 13.5V15M1 8h1.5M13.5 8H15M3 3l1 1M12 12l1 1M13 3l-1 1M4 12l-1 1",
  dark: "M13.5 9.7A6 6 0 0 1 6.3 2.5a6 6 0 1 0 7.2 7.2z",
  clock: "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zM8 4.7V8l2.3 1.6",
  check: "m3 8.5 3.2 3.2L13 4.8",
} as const;

export type IconName = keyof typeof ICONS;

/** Decoration: what it says must also stand in words beside it. */
export function Icon({ name, size = 16 }: { readonly name: IconName; readonly size?: number }): ComponentChild {
  return h("svg", { class: `icon icon-${name}`, viewBox: "0 0 16 16", width: size, height: size, "aria-hidden": "true" }, h("path", { d: ICONS[name] }));
}
