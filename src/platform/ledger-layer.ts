/**
 * Virtual keys, budgets and limits of the language gateway over one ledger file. Gateways that name the same file in
 * `ledgerFile` share keys, budgets and limits. What dead processes had reserved is booked by whoever looks first.
 */
import { randomBytes } from "node:crypto";
import { join, resolve } from "node:path";
import { createKeyDesk, createKeyDirectory, createLedgerCallPolicy, reportUsage } from "../gateway/index.ts";
import type { CallPolicy, KeyDesk } from "../gateway/index.ts";
import type { Clock } from "../kernel/clock.ts";
import type { IdSource } from "../kernel/ids.ts";
import type { BudgetLedger } from "../ports/budget-ledger.ts";
import type { Logger, Meter } from "../ports/telemetry.ts";
import type { KeySources } from "../protocols/admin/key-routes.ts";
import type { Config } from "./config.ts";
import { openLedger } from "./profile-engines.ts";
import { EMBEDDED_PROFILE, type Profile } from "./profile.ts";
import { repeatWork } from "./repeating-work.ts";

export interface LedgerLayer extends AsyncDisposable {
  readonly policy: CallPolicy;
  readonly keys: KeyDesk;
  /** For the routes of keys and usage. */
  readonly admin: KeySources;
  readonly ledger: BudgetLedger;
}

export interface LedgerLayerOptions {
  readonly config: Pick<Config, "dataDir" | "ledgerFile" | "requireKeys">;
  /** Default: embedded. */
  readonly profile?: Profile;
  readonly clock: Clock;
  readonly ids: IdSource;
  readonly meter: Meter;
  readonly logger: Logger;
}

const EXPIRY_INTERVAL_MS = 5_000;
const SECRET_BYTES = 32;

export async function openLedgerLayer({ config, profile = EMBEDDED_PROFILE, clock, ids, meter, logger }: LedgerLayerOptions): Promise<LedgerLayer> {
  await using stack = new AsyncDisposableStack();
  const file = config.ledgerFile === "" ? join(config.dataDir, "ledger.db") : config.ledgerFile;
  const ledger = stack.use(await openLedger({ profile, file: resolve(file) }));
  const directory = createKeyDirectory({ ledger, clock, requireKeys: config.requireKeys });
  const expire = async (): Promise<void> => {
    const count = await ledger.expire(Math.floor(clock.now()));
    if (count > 0) logger.log("warn", `${count} reservations of calls that were never settled are booked at full cost`, { count });
  };
  stack.use(repeatWork({ name: "booking of abandoned calls", everyMs: EXPIRY_INTERVAL_MS, logger, work: expire }));
  const keys = createKeyDesk({ ledger, directory, clock, ids, secretBytes: () => randomBytes(SECRET_BYTES) });
  const owned = stack.move();
  return {
    ledger, keys, policy: createLedgerCallPolicy({ ledger, directory, clock, ids, meter }),
    admin: { keys, usage: (query) => reportUsage(ledger, query), nowMs: () => clock.now() },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
