/** A request on its way through the server: find its version, ask it, remember how it went. Runs once per request. */
import type { Clock } from "../../kernel/clock.ts";
import { toStrataError } from "../../kernel/errors.ts";
import type { BatchNote, InferenceAnswer, InferenceRequest } from "../model-server.ts";
import type { RequestHistory } from "../models/request-history.ts";
import type { VersionFinder } from "./version-finder.ts";

export interface InferencePathOptions {
  readonly finder: VersionFinder;
  readonly history: RequestHistory;
  readonly clock: Clock;
}

const NEVER_RAN: BatchNote = { batch: "", reason: "instance was free", requests: 0, rows: 0, queuedMs: 0, runMs: 0, waiting: 0 };

export function createInferencePath({ finder, history, clock }: InferencePathOptions): (request: InferenceRequest) => Promise<InferenceAnswer> {
  return async (request) => {
    const startedAtMs = clock.monotonicMs();
    const atMs = clock.now();
    const { id, model, variant } = request;
    let version = request.version ?? "";
    try {
      let running = finder.peek(model, request.version) ?? await finder.bring(model, request.version);
      let answer;
      try {
        version = running.version;
        answer = await running.answer(request);
      } catch (thrown) {
        if (!isClosedMeanwhile(thrown) || finder.isClosed()) throw thrown;
        running = await finder.bring(model, request.version); // it was swapped between finding and asking it
        version = running.version;
        answer = await running.answer(request);
      }
      history.remember({ id, model, version, variant, atMs, code: undefined, note: answer.note });
      return { model, version, ...(variant === undefined ? {} : { variant }), outputs: answer.outputs, note: answer.note };
    } catch (thrown) {
      const error = toStrataError(thrown);
      history.remember({ id, model, version, variant, atMs, code: error.code, reason: error.message, note: { ...NEVER_RAN, queuedMs: clock.monotonicMs() - startedAtMs } });
      throw error;
    }
  };
}

/** A version that was replaced or unloaded after the request found it. */
function isClosedMeanwhile(thrown: unknown): boolean {
  return toStrataError(thrown).code === "CLOSED";
}
