/** The live part of the demo: visits over HTTP, clicks and purchases back as events, the control loop in between. */
import { Agent, request as httpRequest } from "node:http";
import type { ManualClock, Platform } from "strata/testing";
import { brief } from "./brief.ts";
import type { DemoReporter } from "./demo.ts";
import type { DemoWorld, LiveVisit } from "./demo-world.ts";

export interface LiveOptions {
  readonly platform: Platform;
  readonly world: DemoWorld;
  readonly clock: ManualClock;
  readonly report: DemoReporter;
  readonly signal: AbortSignal;
  readonly maxVisits: number;
  /** Real time between visits. Default 0. */
  readonly pauseMs?: number;
  /** Go on after everything was shown. */
  readonly isEndless?: boolean;
}

export interface LiveResult {
  readonly visits: number;
  readonly failed: number;
  readonly driftReasons: readonly string[];
  readonly retrainReasons: readonly string[];
  readonly rolloutVerdicts: readonly string[];
}

/** The season changes after this many visits. */
const SHIFT_AFTER = 700;
/** The control loop runs after so many visits. */
const TICK_EVERY = 20;
/** A simulated season that decides nothing by then ends the demo. */
const MOST_SIMULATED_VISITS = 7_000;

export async function serveLive(options: LiveOptions): Promise<LiveResult> {
  const { platform, world, clock, report, signal, maxVisits, pauseMs = 0, isEndless = false } = options;
  const client = createClient(platform.url);
  const story = await createStory(options);
  const bar = isEndless ? undefined : report.progress("serving visits");
  const limit = Math.min(maxVisits, world.shift && !isEndless ? MOST_SIMULATED_VISITS : Number.POSITIVE_INFINITY);
  let visits = 0;
  let failed = 0;
  try {
    for (let visit = world.nextVisit(); visit !== undefined; visit = world.nextVisit()) {
      if (signal.aborted || visits >= limit || (!isEndless && story.isToldAfter(visits))) break;
      clock.set(visit.atMs);
      if (!(await serve(client, visit, clock))) failed += 1;
      visits += 1;
      if (visits === SHIFT_AFTER && world.shift && !isEndless) {
        world.shift();
        report.say(`visit ${visits}: the season changes (the platform is not told)`);
      }
      if (visits % TICK_EVERY === 0) {
        await platform.control.tick();
        await story.listen();
        bar?.update(Math.min(1, visits / Math.min(limit, MOST_SIMULATED_VISITS)), `${visits} visits`);
      }
      if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
    await platform.control.idle();
    await platform.control.tick();
    await story.listen();
  } finally {
    client.close();
  }
  bar?.finish(`${visits} visits served over HTTP, ${failed} failed`);
  return { visits, failed, ...story.told() };
}

/** Tells decisions as they are taken, and knows when the whole story has happened. */
async function createStory({ platform, world, report }: LiveOptions) {
  let lastSequence = (await platform.decisions.list({ limit: 1 })).decisions[0]?.sequence ?? 0;
  const driftReasons: string[] = [];
  const retrainReasons: string[] = [];
  const rolloutVerdicts: string[] = [];
  let promotedAfterShift = false;
  let endedTrials = 0;
  return {
    listen: async () => {
      const { decisions } = await platform.decisions.list({ limit: 200 });
      const news = decisions.filter((decision) => decision.sequence > lastSequence).toReversed();
      lastSequence = Math.max(lastSequence, decisions[0]?.sequence ?? 0);
      for (const { kind, verdict, reason, timeMs } of news) {
        if (kind === "alert" && verdict === "drift") driftReasons.push(reason);
        if (kind === "trigger" && verdict === "retrain") retrainReasons.push(reason);
        if (kind === "rollout" && (verdict === "promote" || verdict === "reject")) {
          rolloutVerdicts.push(`${verdict}: ${reason}`);
          endedTrials += 1;
          promotedAfterShift ||= verdict === "promote";
        }
        report.say(`${new Date(timeMs).toISOString().slice(0, 16).replace("T", " ")}  ${kind} ${verdict}: ${brief(reason)}`);
      }
    },
    /** Simulated: a challenger was promoted, or two trials ended. Real data: the file decides. */
    isToldAfter: (visits: number) => world.shift !== undefined && visits > SHIFT_AFTER && (promotedAfterShift || endedTrials >= 2),
    told: () => ({ driftReasons, retrainReasons, rolloutVerdicts }),
  };
}

interface RecommendAnswer {
  readonly decision: string;
  readonly items?: readonly { readonly item: string }[];
}

async function serve(client: Client, visit: LiveVisit, clock: ManualClock): Promise<boolean> {
  if (visit.before.length > 0) await client.post("/v1/streams/clicks/events", visit.before);
  let answer: RecommendAnswer | undefined;
  if (visit.customer !== undefined) {
    const { status, body } = await client.post("/v1/endpoints/recommend", { customer: visit.customer });
    if (status !== 200) return false;
    answer = JSON.parse(body) as RecommendAnswer; // our own server answers in this shape
  }
  const { clicks, purchases } = visit.react(answer?.items?.map((entry) => entry.item) ?? [], answer?.decision);
  const times = [...clicks, ...purchases].map((row) => Date.parse(String(row["at"])));
  clock.set(Math.max(visit.atMs, ...times));
  return (await send(client, "clicks", clicks)) && (await send(client, "purchases", purchases));
}

/** 400 means that every row was refused and kept as a dead letter: nothing is lost. */
async function send(client: Client, stream: string, rows: readonly unknown[]): Promise<boolean> {
  if (rows.length === 0) return true;
  const { status } = await client.post(`/v1/streams/${stream}/events`, rows);
  return status === 202 || status === 400;
}

interface Client {
  post(path: string, body: unknown): Promise<{ readonly status: number; readonly body: string }>;
  close(): void;
}

function createClient(url: string): Client {
  const agent = new Agent({ keepAlive: true });
  return {
    post: (path, body) => new Promise((resolve, reject) => {
      const outgoing = httpRequest(url + path, { method: "POST", agent, headers: { "content-type": "application/json" } }, (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
        incoming.on("end", () => resolve({ status: incoming.statusCode ?? 0, body: Buffer.concat(chunks).toString("utf8") }));
        incoming.on("error", reject);
      });
      outgoing.on("error", reject);
      outgoing.end(JSON.stringify(body));
    }),
    close: () => agent.destroy(),
  };
}
