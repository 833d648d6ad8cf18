/**
 * Sends copies of answered requests to another version and compares the answers. The caller has its answer before a
 * copy runs; copies wait in a short queue, and what does not fit is counted and dropped.
 */
import type { Clock } from "../../kernel/clock.ts";
import { ownTensor } from "../../kernel/tensor.ts";
import type { Tensor } from "../../kernel/tensor.ts";
import type { InferenceAnswer, InferenceRequest, ModelServer } from "../model-server.ts";
import { compareOutputs, valuesOf } from "./output-difference.ts";
import type { OutputDifference } from "./output-difference.ts";
import type { TrafficBook } from "./traffic-book.ts";

export interface ShadowCopy {
  readonly request: InferenceRequest;
  readonly answer: InferenceAnswer;
  readonly version: string;
  readonly tolerance: number;
  readonly stableMs: number;
}

export interface ShadowRunner extends AsyncDisposable {
  /** Returns at once. */
  copy(copy: ShadowCopy): void;
  /** Resolves when nothing waits or runs. */
  idle(): Promise<void>;
}

export interface ShadowRunnerOptions {
  readonly server: Pick<ModelServer, "infer">;
  readonly book: Pick<TrafficBook, "compared" | "shadowCounter">;
  readonly clock: Pick<Clock, "monotonicMs">;
}

/** Copies hold their request's tensors, so both their number and their bytes are bounded. */
const MAXIMUM_WAITING = 256;
const MAXIMUM_BYTES = 32 * 1024 * 1024;
/** At once: enough to keep a version's batches company, too few to take the machine from callers. */
const CONCURRENCY = 4;
const DEADLINE_MS = 30_000;
const EXAMPLE_VALUES = 8;

export function createShadowRunner({ server, book, clock }: ShadowRunnerOptions): ShadowRunner {
  const waiting: { readonly copy: ShadowCopy; readonly sizeBytes: number }[] = [];
  const closing = new AbortController();
  let wakeIdle: (() => void)[] = [];
  let running = 0;
  let heldBytes = 0;

  const run = async ({ request, answer, version, tolerance, stableMs }: ShadowCopy): Promise<void> => {
    const counter = book.shadowCounter(request.model, version);
    const startedMs = clock.monotonicMs();
    const { routingKey: _, variant: __, signal: ___, deadlineAtMs: ____, ...rest } = request;
    try {
      const shadow = await server.infer({ ...rest, version, signal: closing.signal, deadlineAtMs: startedMs + DEADLINE_MS });
      const differences = compareOutputs(answer.outputs, shadow.outputs, tolerance);
      const isEqual = differences.every(({ kind }) => kind === "equal");
      counter.compared(differences, { stableMs, shadowMs: clock.monotonicMs() - startedMs });
      book.compared(request.model, isEqual);
      if (!isEqual && counter.wantsExample) for (const difference of differences) if (difference.kind !== "equal") counter.example(exampleOf(request.id, difference, [answer.outputs, shadow.outputs]));
    } catch {
      if (closing.signal.aborted) return;
      counter.failed();
      book.compared(request.model, false);
    }
  };
  const next = (): void => {
    while (running < CONCURRENCY && waiting.length > 0 && !closing.signal.aborted) {
      const { copy, sizeBytes } = waiting.shift()!;
      running++;
      void run(copy).finally(() => {
        running--;
        heldBytes -= sizeBytes;
        next();
      });
    }
    if (running > 0 || waiting.length > 0) return;
    for (const wake of wakeIdle.splice(0)) wake();
  };

  return {
    copy: (copy) => {
      const sizeBytes = sizeOf(copy.request.inputs) + sizeOf(copy.answer.outputs);
      if (waiting.length >= MAXIMUM_WAITING || heldBytes + sizeBytes > MAXIMUM_BYTES || closing.signal.aborted) return book.shadowCounter(copy.request.model, copy.version).dropped();
      heldBytes += sizeBytes;
      // The caller's memory is used for other requests once it has its answer.
      const { request, answer } = copy;
      waiting.push({ copy: { ...copy, request: { ...request, inputs: request.inputs.map(ownTensor) }, answer: { ...answer, outputs: answer.outputs.map(ownTensor) } }, sizeBytes });
      if (waiting.length === 1) setImmediate(next); // after the answer went out
    },
    idle: () => (running === 0 && waiting.length === 0 ? Promise.resolve() : new Promise((resolve) => { wakeIdle.push(resolve); })),
    [Symbol.asyncDispose]: async () => {
      closing.abort();
      waiting.length = 0;
      if (running > 0) await new Promise<void>((resolve) => { wakeIdle.push(resolve); });
      wakeIdle = [];
    },
  };
}

function sizeOf(tensors: readonly Tensor[]): number {
  return tensors.reduce((sum, { data }) => sum + (ArrayBuffer.isView(data) ? data.byteLength : data.reduce((bytes, item) => bytes + item.byteLength, 0)), 0);
}

function exampleOf(id: string | undefined, { output, kind, maximumAbsolute }: OutputDifference, [stable, shadow]: readonly [readonly Tensor[], readonly Tensor[]]) {
  const firstOf = (tensors: readonly Tensor[]): readonly string[] => {
    const tensor = tensors.find(({ name }) => name === output);
    if (tensor === undefined) return [];
    const valueAt = valuesOf(tensor);
    return Array.from({ length: Math.min(EXAMPLE_VALUES, tensor.data.length) }, (_, index) => String(valueAt(index)));
  };
  return { id: id ?? null, output, kind, maximumAbsolute: Math.min(maximumAbsolute, Number.MAX_VALUE), stable: firstOf(stable), shadow: firstOf(shadow) };
}
