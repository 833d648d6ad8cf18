/** Workers as processes, a load that never takes no for an answer, and what a single state over the same events says. */
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { createViewState } from "../../src/data/index.ts";
import type { FeatureView } from "../../src/define/index.ts";
import { KEY_SEPARATOR } from "../../src/define/index.ts";
import { createRandom } from "../../src/kernel/random.ts";
import type { WorkerAddresses } from "./clickstream-worker.ts";

export interface WorkerProcess {
  readonly name: string;
  readonly url: string;
  readonly child: ChildProcess;
  readonly output: () => string;
}

export async function startWorker(addresses: WorkerAddresses): Promise<WorkerProcess> {
  const child = spawn(process.execPath, ["--conditions=source", join(import.meta.dirname, "clickstream-worker.ts"), JSON.stringify(addresses)], { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => { output = (output + text).slice(-6_000); });
  const line = await Promise.race([once(createInterface({ input: child.stdout }), "line").then(([text]) => String(text)), once(child, "exit").then(() => undefined)]);
  if (line === undefined) throw new Error(`worker ${addresses.name} ended:\n${output}`);
  return { name: addresses.name, url: (JSON.parse(line) as { url: string }).url, child, output: () => output };
}

export async function endWorker({ child }: WorkerProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill(signal);
  await ended;
}

export interface Click {
  readonly event: string;
  readonly customer: string;
  readonly item: string;
  readonly price: number;
  readonly at: number;
}

export const START_MS = 1_760_000_000_000;
const CUSTOMERS = 400, ITEMS = 60;

export interface Load {
  /** Events whose acceptance was heard, each once. */
  readonly acknowledged: Click[];
  /** Requests that had to be sent again. */
  repeated: number;
  stop(): Promise<void>;
}

/** Producers that send batches to any worker, and the same batch again to another until one says that it is durable. */
export function startLoad(workers: () => readonly WorkerProcess[], { producers, batch }: { readonly producers: number; readonly batch: number }): Load {
  const stopping = new AbortController();
  let next = 0;
  const load: Load = { acknowledged: [], repeated: 0, stop: async () => { stopping.abort(); await running; } };
  const produce = async (producer: number): Promise<void> => {
    const random = createRandom(producer);
    while (!stopping.signal.aborted) {
      const events = Array.from({ length: batch }, (): Click => {
        const number = next++;
        return { event: `e${number}`, customer: `c${random.integer(CUSTOMERS)}`, item: `i${random.integer(ITEMS)}`, price: random.integer(100_000) / 97, at: START_MS + number * 250 };
      });
      const body = events.map((event) => JSON.stringify(event)).join("\n");
      for (;;) {
        const all = workers();
        const worker = all[random.integer(Math.max(1, all.length))];
        if (worker !== undefined && await send(`${worker.url}/v1/streams/clicks/events`, body)) break;
        load.repeated++;
        await sleep(30);
      }
      load.acknowledged.push(...events);
    }
  };
  const running = Promise.all(Array.from({ length: producers }, (_, producer) => produce(producer + 1))).then(() => undefined);
  return load;
}

async function send(url: string, body: string): Promise<boolean> {
  try {
    const response = await fetch(url, { method: "POST", body, headers: { "content-type": "application/x-ndjson" }, signal: AbortSignal.timeout(4_000) });
    const answer = await response.json() as { accepted?: number; duplicates?: number; rejected?: number };
    if ((answer.rejected ?? 0) > 0) throw new TypeError(`refused: ${JSON.stringify(answer)}`);
    return response.status === 202;
  } catch (thrown) {
    if (thrown instanceof TypeError && thrown.message.startsWith("refused")) throw thrown;
    return false;
  }
}

/** Features as a worker reads them. */
export async function readFeatures(url: string, view: FeatureView, keys: readonly (readonly string[])[], atMs: number): Promise<readonly unknown[]> {
  const body = JSON.stringify({ keys: keys.map((parts) => Object.fromEntries(view.entities.map(({ name }, at) => [name, parts[at]!]))), atMs });
  const response = await fetch(`${url}/v1/features/${view.name}`, { method: "POST", body, headers: { "content-type": "application/json" }, signal: AbortSignal.timeout(15_000) });
  const answer = await response.json() as { rows?: readonly unknown[] };
  if (answer.rows === undefined) throw new Error(`reading ${view.name}: ${JSON.stringify(answer)}`);
  return answer.rows;
}

/** What one state over all events says, key by key. */
export function expectedFeatures(view: FeatureView, events: readonly Click[], atMs: number): { readonly keys: readonly (readonly string[])[]; readonly rows: readonly unknown[] } {
  const state = createViewState(view);
  const rows = events.map((event) => ({ ...event }));
  const times = Float64Array.from(events, ({ at }) => at);
  state.apply({ stream: view.from.name, baseOffset: 0, timesMs: times, knownAtMs: times, rows });
  const keys = Array.from(state.store.entities(), ({ key }) => key).toSorted().map((key) => key.split(KEY_SEPARATOR));
  return { keys, rows: keys.map((key) => state.read(key, atMs)) };
}
