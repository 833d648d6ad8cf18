/** The embedded event log against the event log's contract: on a real disk as configured by default, and with nothing kept in memory, so that every read takes the way through files and checksums, and with every closed segment in the blob store at once. */
import { openEmbeddedEventLog } from "../../src/engines/embedded/event-log.ts";
import { eventLogConformance } from "./event-log.ts";
import { openEmbeddedBlobStore } from "../../src/engines/embedded/blob-store.ts";
import type { EventLog } from "../../src/ports/event-log.ts";
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

eventLogConformance("embedded (cold segments in the blob store)", async ({ segmentBytes }) => {
  const files = createMemoryFiles();
  const blobs = await openEmbeddedBlobStore({ folder: "/blobs", files });
  return {
    open: async (clock): Promise<EventLog> => {
      const log = await openEmbeddedEventLog({ folder: "/data", clock, segmentBytes, tailBytes: 0, files, blobs: () => blobs });
      const append: EventLog["append"] = async (name, records) => {
        const result = await log.append(name, records);
        await log.tier(name, { olderThanMs: -1 }).catch(() => 0); // closed meanwhile
        return result;
      };
      return { ...log, append };
    },
    [Symbol.asyncDispose]: async () => undefined,
  };
});
