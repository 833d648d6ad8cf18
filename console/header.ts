/** What runs, whether it is live, what time it is there; and the way to the sections. */
import { h } from "preact";
import type { ComponentChild } from "preact";
import { useState } from "preact/hooks";
import { formatClock, formatDay } from "./format/times.ts";
import { Icon } from "./icons.ts";
import type { Connection } from "./live/connection.ts";
import { isActive } from "./loop/marks.ts";
import { scrollToSection, useSectionInView } from "./route.ts";
import type { Route, SectionName } from "./route.ts";
import { dataTroubles } from "./sections/data-rows.ts";
import { shownSections } from "./shown-sections.ts";
import { showTheme, storeTheme, storedTheme, themeAfter } from "./theme.ts";
import type { Overview } from "../src/protocols/admin/overview.ts";

export interface HeaderProps {
  readonly overview: Overview | undefined;
  readonly connection: Connection;
  readonly route: Route;
}

const HEADER_PX = 100;
export const TITLES: Readonly<Record<SectionName, string>> = { loop: "Loop", data: "Data", serving: "Serving", gateway: "Gateway", models: "Models", endpoints: "Endpoints", rollouts: "Rollouts", drift: "Drift", decisions: "Decisions", process: "Process" };

export function Header({ overview, connection }: HeaderProps): ComponentChild {
  const shown = shownSections(overview);
  const inView = useSectionInView(shown, HEADER_PX);
  return h("header", { class: "top" },
    h("div", { class: "top-row" },
      h("h1", null, h("img", { src: "/console/icon.svg", alt: "", width: 24, height: 24 }), h("span", { class: "brand" }, "Strata"), overview === undefined ? null : h("span", { class: "application" }, overview.application)),
      h("div", { class: "top-state" }, overview === undefined ? null : h(PlatformClock, { overview }), h(Status, { connection }), h(ThemeButton, null))),
    h("nav", { class: "tabs", "aria-label": "Sections" }, shown.map((section) => h("a", {
      key: section, href: `#${section}`, ...(section === inView ? { "aria-current": "true" as const } : {}), onClick: () => scrollToSection(section),
    }, TITLES[section], h(Count, { count: overview === undefined ? 0 : countOf(section, overview), section })))));
}

/** What in a section asks for a look. */
function countOf(section: SectionName, { rollouts, drift, alerts, data, serving, gateway }: Overview): number {
  switch (section) {
    case "data": return data === undefined ? 0 : dataTroubles(data);
    case "serving": return serving?.models.filter(({ versions }) => versions.some(({ state }) => state === "UNAVAILABLE")).length ?? 0;
    case "gateway": return gateway?.targets.filter(({ state }) => state === "open").length ?? 0;
    case "rollouts": return rollouts.filter(({ phase }) => isActive(phase)).length;
    case "drift": return drift.reduce((sum, { windows }) => sum + (windows.at(-1)?.features.filter((feature) => feature.drifted).length ?? 0), 0);
    case "decisions": return alerts.length;
    default: return 0;
  }
}

const COUNT_NAMES: Partial<Readonly<Record<SectionName, string>>> = { data: "failing", serving: "not available", gateway: "breakers open", rollouts: "in progress", drift: "drifted", decisions: "alerts" };

function Count({ count, section }: { readonly count: number; readonly section: SectionName }): ComponentChild {
  return count === 0 ? null : h("span", { class: "count", title: `${count} ${COUNT_NAMES[section] ?? ""}` }, count, h("span", { class: "visually-hidden" }, ` ${COUNT_NAMES[section] ?? ""}`));
}

function PlatformClock({ overview: { nowMs, isSimulatedTime } }: { readonly overview: Overview }): ComponentChild {
  return h("span", { class: `clock ${isSimulatedTime ? "simulated" : ""}`, title: isSimulatedTime ? "The platform replays the past: its clock is simulated and runs ahead of the wall clock." : "The platform's clock, UTC." },
    isSimulatedTime ? h("span", { class: "clock-badge" }, h(Icon, { name: "clock", size: 12 }), "Simulated time") : null,
    h("time", null, h("span", { class: "clock-day" }, formatDay(nowMs)), " ", formatClock(nowMs), " ", h("small", null, "UTC")));
}

const STATES: Readonly<Record<Connection["kind"], string>> = { connecting: "Connecting", live: "Live", reconnecting: "Reconnecting", gone: "Server gone" };

function Status({ connection: { kind } }: { readonly connection: Connection }): ComponentChild {
  return h("span", { class: `status status-${kind}`, role: "status" }, h("i", { "aria-hidden": "true" }), STATES[kind]);
}

const THEME_NAMES = { system: "as the system", light: "light", dark: "dark" } as const;

function ThemeButton(): ComponentChild {
  const [theme, setTheme] = useState(storedTheme);
  const change = (): void => {
    const next = themeAfter(theme);
    storeTheme(next);
    showTheme(next);
    setTheme(next);
  };
  const text = `Colours: ${THEME_NAMES[theme]}. Change to ${THEME_NAMES[themeAfter(theme)]}.`;
  return h("button", { type: "button", class: "icon-button", "aria-label": text, title: text, onClick: change }, h(Icon, { name: theme }));
}
