/** PostgreSQL, Valkey, S3 and NATS together, and profiles that give each test places of its own on them. */
import { natsProgram, startNats } from "./nats.ts";
import { openPostgresServer, type PostgresServer } from "./postgres.ts";
import { openS3Server } from "./s3.ts";
import { openValkeyServer } from "./valkey.ts";

export interface Servers extends AsyncDisposable {
  readonly names: readonly string[];
  /** Credentials that the profiles' servers want. */
  readonly environment: Readonly<Record<string, string>>;
  readonly postgres: PostgresServer;
  /** A profile whose database, bucket and prefixes nobody used before. */
  newProfile(): Promise<Readonly<Record<string, string>>>;
}

/** All of them, or in a sentence why not. */
export async function openServers(): Promise<{ readonly servers: Servers } | { readonly obstacle: string }> {
  await using stack = new AsyncDisposableStack();
  const postgres = await openPostgresServer();
  if ("obstacle" in postgres) return postgres;
  stack.use(postgres.server);
  const valkey = await openValkeyServer();
  if ("obstacle" in valkey) return valkey;
  stack.use(valkey.server);
  const s3 = await openS3Server();
  if ("obstacle" in s3) return s3;
  stack.use(s3.server);
  const nats = await natsProgram();
  if ("missing" in nats) return { obstacle: nats.missing };
  const natsServer = stack.use(await startNats(nats.program));
  const owned = stack.move();
  let count = 0;
  return {
    servers: {
      names: ["PostgreSQL", "Valkey", "S3", "NATS"], postgres: postgres.server,
      environment: { AWS_ACCESS_KEY_ID: s3.server.credentials.accessKeyId, AWS_SECRET_ACCESS_KEY: s3.server.credentials.secretAccessKey },
      newProfile: async () => {
        const database = await postgres.server.newDatabase();
        const prefix = `profile${++count}`;
        return {
          log: `${natsServer.url}?prefix=${prefix}&sync=always`, database, ledger: database, states: database,
          blobs: `s3://${await s3.server.newBucket()}/blobs?endpoint=${encodeURIComponent(s3.server.endpoint)}`,
          online: `${valkey.server.url}?prefix=${prefix}`, limits: `${valkey.server.url}?prefix=${prefix}`,
        };
      },
      [Symbol.asyncDispose]: () => owned.disposeAsync(),
    },
  };
}
