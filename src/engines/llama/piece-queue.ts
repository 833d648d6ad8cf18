/** Pieces from a callback, taken as batches: what came since the last look. */
import type { StrataError } from "../../kernel/errors.ts";
import type { StreamBatches, StreamPiece } from "../../ports/language-upstream.ts";

export interface PieceQueue {
  push(piece: StreamPiece): void;
  end(): void;
  fail(error: StrataError): void;
  /** Pieces so far. */
  count(): number;
  batches(): StreamBatches;
}

export function createPieceQueue(): PieceQueue {
  let waiting: StreamPiece[] = [];
  let count = 0;
  let ended: "no" | "whole" | StrataError = "no";
  let wake = (): void => undefined;

  async function* batches(): StreamBatches {
    for (;;) {
      if (waiting.length > 0) {
        const batch = waiting;
        waiting = [];
        yield batch;
        continue;
      }
      if (ended === "whole") return;
      if (ended !== "no") throw ended;
      await new Promise<void>((resolve) => { wake = resolve; });
    }
  }
  return {
    push: (piece) => {
      waiting.push(piece);
      count += 1;
      wake();
    },
    end: () => {
      ended = "whole";
      wake();
    },
    fail: (error) => {
      ended = error;
      wake();
    },
    count: () => count,
    batches,
  };
}
