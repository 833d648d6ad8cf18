/** A load generator's own process: takes plans from its parent, one after the other, and answers with what it counted. */
import { systemClock } from "../../kernel/clock.ts";
import { reasonOf } from "../../kernel/errors.ts";
import type { GeneratorReply, GeneratorRequest } from "./load-generator.ts";
import { runLoad } from "./load-run.ts";

let stopping = new AbortController();

const reply = (message: GeneratorReply): void => { process.send?.(message); };

process.on("message", (request: GeneratorRequest) => { // the parent sends nothing else
  if (request.kind === "stop") return stopping.abort();
  stopping = new AbortController();
  // A run takes longer than a millisecond, so no two runs of a process begin with the same session.
  const session = `${systemClock.now().toString(36)}${request.worker.toString(36)}`;
  runLoad(request.plan, { session, now: () => systemClock.now(), onProgress: (progress) => reply({ kind: "progress", progress }), signal: stopping.signal }).then(
    (record) => reply({ kind: "record", record }),
    (thrown: unknown) => reply({ kind: "problem", reason: reasonOf(thrown) }),
  );
});
process.on("disconnect", () => process.exit(0));
// Ctrl-C reaches the whole group of processes; the parent decides, and still wants what was measured.
process.on("SIGINT", () => undefined);
