/** The console's entry: follows the overview, keeps what it has seen, and draws the page anew with each one. */
import { h, render } from "preact";
import { App } from "./app.ts";
import { NO_FACTS, loadDefinitionFacts } from "./live/definition-facts.ts";
import type { Connection } from "./live/connection.ts";
import type { DefinitionFacts } from "./live/definition-facts.ts";
import { observe } from "./live/observed.ts";
import type { ObservedSample } from "./live/observed.ts";
import { followOverviews } from "./live/overview-feed.ts";
import type { Overview } from "../src/protocols/admin/overview.ts";

const root = document.getElementById("console")!;
let overview: Overview | undefined;
let facts: DefinitionFacts = NO_FACTS;
let connection: Connection = { kind: "connecting" };
let observed: readonly ObservedSample[] = [];
let pendingFacts = new AbortController();

const draw = (): void => render(h(App, { overview, facts, connection, observed, nowWallMs: Date.now(), onRetry: () => feed.retryNow() }), root);

async function refreshFacts(): Promise<void> {
  pendingFacts.abort();
  const current = (pendingFacts = new AbortController());
  const loaded = await loadDefinitionFacts(current.signal);
  if (current.signal.aborted) return;
  facts = loaded;
  draw();
}

const feed = followOverviews({
  open: () => new EventSource("/v1/overview/stream"),
  now: () => Date.now(),
  onOverview: (next) => {
    const isNewDefinition = next.definitionHash !== overview?.definitionHash;
    overview = next;
    observed = observe(observed, next, Date.now());
    if (isNewDefinition) void refreshFacts();
    draw();
  },
  onConnection: (next) => {
    connection = next;
    draw();
  },
});

/** The countdown to the next attempt. */
setInterval(() => { if (connection.kind !== "live") draw(); }, 1_000);
draw();
