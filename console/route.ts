/** Deep links: "#drift", "#loop/stream:purchases". */
import { useEffect, useState } from "preact/hooks";

export const SECTIONS = ["loop", "data", "serving", "gateway", "models", "endpoints", "rollouts", "drift", "decisions", "process"] as const;
export type SectionName = (typeof SECTIONS)[number];

export interface Route {
  readonly section: SectionName;
  /** What is opened within the section. */
  readonly item?: string;
}

/** An unknown section is the first one. */
export function parseRoute(hash: string): Route {
  const [name, ...rest] = hash.replace(/^#/, "").split("/");
  const section = SECTIONS.find((known) => known === name) ?? "loop";
  const item = decode(rest.join("/"));
  return item === "" ? { section } : { section, item };
}

export function routeHash({ section, item }: Route): string {
  return item === undefined ? `#${section}` : `#${section}/${encodeURIComponent(item).replaceAll("%3A", ":")}`;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return ""; // a mangled link opens its section
  }
}

/** Ids differ from the hashes, so that the browser does not scroll on its own when a panel opens. */
export const sectionId = (section: SectionName): string => `section-${section}`;

export function scrollToSection(section: SectionName, behavior: ScrollBehavior = "smooth"): void {
  const isCalm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  document.getElementById(sectionId(section))?.scrollIntoView({ behavior: isCalm ? "instant" : behavior, block: "start" });
}

export function useRoute(): Route {
  const [route, setRoute] = useState(() => parseRoute(location.hash));
  useEffect(() => {
    const follow = (): void => setRoute(parseRoute(location.hash));
    addEventListener("hashchange", follow);
    return () => removeEventListener("hashchange", follow);
  }, []);
  return route;
}

/** The section that is being read: the last one whose beginning has passed under the header. */
export function useSectionInView(shown: readonly SectionName[], headerPx: number): SectionName {
  const [section, setSection] = useState<SectionName | undefined>(undefined);
  useEffect(() => {
    const look = (): void => {
      const isAtEnd = innerHeight + scrollY >= document.documentElement.scrollHeight - 2 && scrollY > 0;
      const begun = SECTIONS.filter((name) => (document.getElementById(sectionId(name))?.getBoundingClientRect().top ?? Infinity) <= headerPx + 24);
      setSection(isAtEnd ? SECTIONS.at(-1)! : begun.at(-1));
    };
    addEventListener("scroll", look, { passive: true });
    return () => removeEventListener("scroll", look);
  }, [headerPx]);
  return section ?? shown[0] ?? "loop";
}
