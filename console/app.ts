/** The page: header with the state of things, sections below each other, one deep link each. */
import { h } from "preact";
import type { ComponentChild } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { ConnectionNotice } from "./connection-notice.ts";
import { Header, TITLES } from "./header.ts";
import type { Connection } from "./live/connection.ts";
import type { DefinitionFacts } from "./live/definition-facts.ts";
import type { ObservedSample } from "./live/observed.ts";
import { scrollToSection, useRoute } from "./route.ts";
import type { Route, SectionName } from "./route.ts";
import { DataSection } from "./sections/data-section.ts";
import { DecisionsSection } from "./sections/decisions-section.ts";
import { DriftSection } from "./sections/drift-section.ts";
import { EndpointsSection } from "./sections/endpoints-section.ts";
import { GatewaySection } from "./sections/gateway-section.ts";
import { Headline } from "./sections/headline.ts";
import { LoopSection } from "./sections/loop-section.ts";
import { ModelsSection } from "./sections/models-section.ts";
import { ProcessSection } from "./sections/process-section.ts";
import { RolloutsSection } from "./sections/rollouts-section.ts";
import { ServingSection } from "./sections/serving-section.ts";
import { shownSections } from "./shown-sections.ts";
import type { Overview } from "../src/protocols/admin/overview.ts";

export interface AppProps {
  readonly overview: Overview | undefined;
  readonly facts: DefinitionFacts;
  readonly connection: Connection;
  readonly observed: readonly ObservedSample[];
  readonly nowWallMs: number;
  readonly onRetry: () => void;
}

export function App({ overview, facts, connection, observed, nowWallMs, onRetry }: AppProps): ComponentChild {
  const route = useRoute();
  const shown = shownSections(overview);
  const first = shown[0] ?? "loop";
  useSectionScroll(route, overview !== undefined);
  useEffect(() => { if (overview !== undefined) document.title = `${overview.application} · Strata`; }, [overview?.application]);
  return h("div", { class: "page" },
    h("a", { class: "skip", href: `#${first}` }, `Skip to ${TITLES[first]}`),
    h(Header, { overview, connection, route }),
    h(ConnectionNotice, { connection, hasOverview: overview !== undefined, nowWallMs, onRetry }),
    h("main", { class: connection.kind === "live" ? "" : "stale" }, overview === undefined ? h(Waiting, { connection }) : [
      h(Headline, { overview, observed }),
      shown.map((section) => drawSection(section, { overview, facts, observed, nowWallMs, route })),
    ]));
}

interface SectionParts extends Pick<AppProps, "facts" | "observed" | "nowWallMs"> {
  readonly overview: Overview;
  readonly route: Route;
}

function drawSection(section: SectionName, { overview, facts, observed, nowWallMs, route }: SectionParts): ComponentChild {
  const selected = route.section === section ? route.item : undefined;
  switch (section) {
    case "loop": return h(LoopSection, { key: section, overview, facts, selected });
    case "data": return overview.data === undefined ? null : h(DataSection, { key: section, data: overview.data, overview });
    case "serving": return overview.serving === undefined ? null : h(ServingSection, { key: section, serving: overview.serving, nowMs: overview.nowMs, selected });
    case "gateway": return overview.gateway === undefined ? null : h(GatewaySection, { key: section, gateway: overview.gateway, selected });
    case "models": return h(ModelsSection, { key: section, overview });
    case "endpoints": return h(EndpointsSection, { key: section, endpoints: overview.endpoints });
    case "rollouts": return h(RolloutsSection, { key: section, overview, facts });
    case "drift": return h(DriftSection, { key: section, overview });
    case "decisions": return h(DecisionsSection, { key: section, overview });
    case "process": return h(ProcessSection, { key: section, overview, observed, nowWallMs });
  }
}

function Waiting({ connection }: { readonly connection: Connection }): ComponentChild {
  return h("div", { class: "waiting", "aria-busy": connection.kind === "connecting" }, h("p", null, connection.kind === "connecting" ? "Asking the server what runs …" : "Nothing has been received yet."));
}

/** Follows links to sections, and the link the page was opened with once there is something to scroll to. Opening a panel does not scroll. */
function useSectionScroll({ section }: Route, isReady: boolean): void {
  const previous = useRef<string | undefined>(undefined);
  useEffect(() => {
    if (!isReady || previous.current === section) return;
    const isFirst = previous.current === undefined;
    previous.current = section;
    // At first at once: charts above still take their height, and the browser then keeps the place, not a running scroll.
    if (!isFirst) scrollToSection(section);
    else if (section !== "loop") scrollToSection(section, "instant");
  }, [section, isReady]);
}
