/** Sections of what the application has: an application that only serves has no loop to show, one without models behind keys no gateway. Pure. */
import { SECTIONS } from "./route.ts";
import type { SectionName } from "./route.ts";
import type { Overview } from "../src/protocols/admin/overview.ts";

const OF_THE_LOOP: readonly SectionName[] = ["loop", "models", "endpoints", "rollouts", "drift"];

export function shownSections(overview: Overview | undefined): readonly SectionName[] {
  return SECTIONS.filter((section) => {
    if (section === "data") return overview?.data !== undefined;
    if (section === "serving") return overview?.serving !== undefined;
    if (section === "gateway") return overview?.gateway !== undefined;
    return overview === undefined || hasLoop(overview) || !OF_THE_LOOP.includes(section);
  });
}

/** An empty definition shows the loop too: its sections say how to begin. */
export function hasLoop({ streams, models, endpoints, serving, gateway }: Overview): boolean {
  return streams.length + models.length + endpoints.length > 0 || (serving === undefined && gateway === undefined);
}
