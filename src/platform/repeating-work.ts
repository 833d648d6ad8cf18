/** Work that repeats on real time: never two rounds at once, failures logged, and `stop` waits for the round in hand. */
import { systemClock } from "../kernel/clock.ts";
import { isStrataError, reasonOf } from "../kernel/errors.ts";
import type { Logger } from "../ports/telemetry.ts";

export interface RepeatingWork extends AsyncDisposable {
  readonly name: string;
}

export interface RepeatingWorkOptions {
  readonly name: string;
  readonly everyMs: number;
  readonly logger: Logger;
  readonly work: () => Promise<void>;
}

export function repeatWork({ name, everyMs, logger, work }: RepeatingWorkOptions): RepeatingWork {
  const stopping = new AbortController();
  const run = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      try {
        await systemClock.sleep(everyMs, stopping.signal);
        await work();
      } catch (thrown) {
        if (stopping.signal.aborted && isStrataError(thrown) && thrown.code === "ABORTED") return;
        logger.log("error", `${name} failed; it is tried again in ${everyMs} ms`, { reason: reasonOf(thrown) });
      }
    }
  };
  const running = run();
  return {
    name,
    [Symbol.asyncDispose]: async () => {
      stopping.abort();
      await running;
    },
  };
}
