/** The event log on a real Kafka broker against the event log's contract. */
import { after } from "node:test";
import { openKafkaEventLog } from "../../src/engines/kafka/event-log.ts";
import { eventLogConformance } from "../conformance/event-log.ts";
import { kafkaJars, startKafka } from "./kafka.ts";
import { killRounds, sharedEventLogSuite } from "./shared-event-log.ts";

const found = await kafkaJars();
if ("missing" in found) console.log(`# skipped: ${found.missing}`);
else {
  const server = await startKafka(found.jars);
  after(() => server[Symbol.asyncDispose]());
  let places = 0;
  eventLogConformance("Kafka", async () => {
    const prefix = `place${places++}`;
    return {
      open: (clock) => openKafkaEventLog({ brokers: server.broker, clock, prefix }),
      [Symbol.asyncDispose]: async () => undefined,
    };
  }, { "retention by bytes drops whole old segments, never the one being written": "the protocol does not tell segments' sizes: retention by size is left to the broker, which applies it in its own time" });
  sharedEventLogSuite({ engine: "Kafka", server, killRounds, open: (place, clock) => openKafkaEventLog({ brokers: server.broker, clock, prefix: place }) });
}
