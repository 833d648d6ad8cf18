/** The event log on a real NATS server against the event log's contract. */
import { after } from "node:test";
import { openNatsEventLog } from "../../src/engines/nats/event-log.ts";
import { eventLogConformance } from "../conformance/event-log.ts";
import { natsProgram, startNats } from "./nats.ts";
import { killRounds, sharedEventLogSuite } from "./shared-event-log.ts";

const found = await natsProgram();
if ("missing" in found) console.log(`# skipped: ${found.missing}`);
else {
  const server = await startNats(found.program);
  after(() => server[Symbol.asyncDispose]());
  let places = 0;
  eventLogConformance("NATS", async () => {
    const prefix = `place${places++}`;
    return {
      open: (clock) => openNatsEventLog({ servers: server.url, clock, prefix, syncAlways: true }),
      [Symbol.asyncDispose]: async () => undefined,
    };
  });
  sharedEventLogSuite({
    engine: "NATS", server, killRounds,
    open: (place, clock) => openNatsEventLog({ servers: server.url, clock, prefix: place, syncAlways: true, ackTimeoutMs: 1_000 }),
  });
}
