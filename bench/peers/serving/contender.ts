/** A server in the comparison of model servers: how it starts, and how its requests and answers look. */
import type { PeerCommand } from "../peer-server.ts";

export interface ServingContender {
  readonly name: string;
  /** Processes that infer. */
  readonly workers: 1 | 2;
  readonly path: string;
  /** How it runs, for the report: what executes the model, batching, versions. */
  readonly remarks: string;
  readonly isStrata: boolean;
  bodyOf(row: readonly number[]): string;
  /** The prediction in an answer; NaN when there is none. */
  predictionOf(answer: unknown): number;
  command(port: number): PeerCommand;
}

/** Open Inference Protocol v2 with one row; the numbers flat, as the protocol has them. */
export const openInference = (name: string): Pick<ServingContender, "bodyOf" | "predictionOf"> => ({
  bodyOf: (row) => JSON.stringify({ inputs: [{ name, shape: [1, row.length], datatype: "FP32", data: row }] }),
  predictionOf: (answer) => numberAt(answer, ["outputs", 0, "data", 0]),
});

/** The number at a path of an answer; a nested array of one counts as its number. */
export function numberAt(value: unknown, path: readonly (string | number)[]): number {
  let found: unknown = value;
  for (const step of path) found = (found as Readonly<Record<string | number, unknown>> | undefined)?.[step];
  while (Array.isArray(found)) found = found[0];
  return typeof found === "number" ? found : Number.NaN;
}

export const processesText = (workers: 1 | 2): string => (workers === 1 ? "one process" : "two processes");

export const labelOf = ({ name, workers }: Pick<ServingContender, "name" | "workers">): string => `${name}, ${processesText(workers)}`;
