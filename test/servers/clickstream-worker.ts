/** One worker process of the clickstream tests: engines by address, one line of JSON when it is ready. */
import { openKafkaEventLog } from "../../src/engines/kafka/event-log.ts";
import { openNatsEventLog } from "../../src/engines/nats/event-log.ts";
import { openPostgresDatabase } from "../../src/engines/postgres/database.ts";
import { openValkeyOnlineStore } from "../../src/engines/valkey/online-store.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import { loadConfig } from "../../src/platform/config.ts";
import { openWorker } from "../../src/platform/worker.ts";
import { application } from "./clickstream-app.ts";

export interface WorkerAddresses {
  readonly nats?: string;
  readonly kafka?: string;
  readonly postgres: string;
  readonly valkey: string;
  readonly leaseMs: number;
  readonly name: string;
}

const addresses = JSON.parse(process.argv[2]!) as WorkerAddresses;
const { config } = loadConfig({ environment: {}, flags: { port: 0, listeners: 1, logLevel: "warn", dedupeRecords: 50_000 } });
await using log = addresses.nats === undefined ? await openKafkaEventLog({ brokers: addresses.kafka!, clock: systemClock })
  : await openNatsEventLog({ servers: addresses.nats, clock: systemClock, syncAlways: true, ackTimeoutMs: 1_000 });
await using database = await openPostgresDatabase({ url: addresses.postgres });
await using online = await openValkeyOnlineStore({ url: addresses.valkey });
await using worker = await openWorker({
  application, engines: { log, database, online }, config, name: addresses.name, leaseMs: addresses.leaseMs,
  logSink: ({ level, message }) => process.stderr.write(`${level} ${message}\n`),
});
process.stdout.write(`${JSON.stringify({ url: worker.url })}\n`);
await new Promise<void>((resolve) => process.once("SIGTERM", () => resolve()));
