/** The embedded event log against the event log's contract: on a real disk as configured by default, and with nothing kept in memory, so that every read takes the way through files and checksums. */
import { openEmbeddedEventLog } from "../../src/engines/embedded/event-log.ts";
import { eventLogConformance } from "./event-log.ts";
import { createMemoryFiles } from "./memory-files.ts";
import { temporaryFolder } from "./temporary-folder.ts";

eventLogConformance("embedded", async ({ segmentBytes }) => {
  const folder = await temporaryFolder();
  return {
    open: (clock) => openEmbeddedEventLog({ folder: folder.path, clock, segmentBytes }),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
});

eventLogConformance("embedded (read from files)", async ({ segmentBytes }) => {
  const files = createMemoryFiles();
  return {
    open: (clock) => openEmbeddedEventLog({ folder: "/data", clock, segmentBytes, tailBytes: 0, files }),
    [Symbol.asyncDispose]: async () => undefined,
  };
});
