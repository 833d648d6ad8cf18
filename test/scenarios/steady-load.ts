/**
 * Callers that never stop: keep-alive connections that each send the next request when they have an answer. Nothing is
 * retried, so a single refused or cut request shows.
 */
import { Agent, request as httpRequest } from "node:http";

export interface SteadyLoadOptions {
  readonly url: string;
  readonly model: string;
  readonly connections: number;
  /** Of each connection between answer and next request; 0 when absent. */
  readonly pauseMs?: number;
  /** Headers of the n-th request. */
  readonly headers?: (request: number) => Readonly<Record<string, string>>;
}

export interface SteadyLoad {
  readonly answered: number;
  /** Everything that is not a 200 with a body. */
  readonly failures: readonly string[];
  /** Answers by strata-variant since the last call. */
  takeVariants(): Readonly<Record<string, number>>;
  /** Waits for answers to what was sent. */
  stop(): Promise<void>;
}

const BODY = JSON.stringify({ inputs: [{ name: "x", datatype: "FP64", shape: [1, 1], data: [3] }] });

export function startSteadyLoad({ url, model, connections, pauseMs = 0, headers = (request) => ({ "strata-key": `caller-${request}` }) }: SteadyLoadOptions): SteadyLoad {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const failures: string[] = [];
  let variants: Record<string, number> = {};
  let [answered, sent, isStopped] = [0, 0, false];
  const ask = (): Promise<void> => new Promise((resolve) => {
    const failed = (what: string): void => { failures.push(what); resolve(); };
    const outgoing = httpRequest(`${url}/v2/models/${model}/infer`, { method: "POST", agent, headers: { "content-type": "application/json", "content-length": BODY.length, ...headers(sent++) } }, (incoming) => {
      const chunks: Buffer[] = [];
      incoming.on("data", (chunk: Buffer) => chunks.push(chunk)).on("error", (thrown) => failed(String(thrown))).on("end", () => {
        const text = Buffer.concat(chunks).toString();
        if (incoming.statusCode !== 200 || !text.includes("outputs")) return failed(`${incoming.statusCode} ${text.slice(0, 200)}`);
        const variant = String(incoming.headers["strata-variant"] ?? "none");
        variants[variant] = (variants[variant] ?? 0) + 1;
        answered++;
        resolve();
      });
    });
    outgoing.on("error", (thrown) => failed(`${String(thrown)}${outgoing.reusedSocket ? " (on a kept connection)" : ""}`));
    outgoing.end(BODY);
  });
  const caller = async (): Promise<void> => {
    while (!isStopped) {
      await ask();
      if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  };
  const callers = Array.from({ length: connections }, caller);
  return {
    get answered() { return answered; },
    failures,
    takeVariants: () => {
      const taken = variants;
      variants = {};
      return taken;
    },
    stop: async () => {
      isStopped = true;
      await Promise.all(callers);
      agent.destroy();
    },
  };
}
