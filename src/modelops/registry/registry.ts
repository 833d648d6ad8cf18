/**
 * The model registry: numbered versions, the aliases that say which of them serves, and one evidence record per move.
 * A move, what it changes and its record are one transaction; whoever decided on an alias that moved meanwhile is refused.
 */
import type { Transaction } from "kysely";
import type { Clock } from "../../kernel/clock.ts";
import { StrataError } from "../../kernel/errors.ts";
import type { IdSource } from "../../kernel/ids.ts";
import type { BlobStore } from "../../ports/blob-store.ts";
import type { SqlDatabase } from "../../ports/sql.ts";
import type { GateVerdict } from "../validation/gates.ts";
import type { Alias, Aliases, AliasRequest, MoveRequest, RemovalRequest, RollbackRequest } from "./alias-move.ts";
import { changeAlias, readAliases } from "./alias-rows.ts";
import { auditStored } from "./evidence-audit.ts";
import type { EvidenceReport } from "./evidence-audit.ts";
import { verifyChain } from "./evidence.ts";
import type { Evidence, Sign, VerifySignature } from "./evidence.ts";
import { readEvidence, readSealed } from "./evidence-rows.ts";
import type { ModelVersion, NewModelVersion } from "./model-version.ts";
import { REGISTRY_MIGRATIONS } from "./tables.ts";
import type { RegistryTables } from "./tables.ts";
import { allVersions, findVersion, insertVersion, modelNames } from "./version-rows.ts";

export interface RegistryOptions {
  readonly database: SqlDatabase;
  readonly blobs: Pick<BlobStore, "has">;
  readonly clock: Clock;
  readonly ids: IdSource;
  /** Signs each record's hash, so that nobody without the key can rewrite a chain. */
  readonly sign?: Sign;
}

export interface VerifyOptions {
  /** A head noted earlier; its record must still be in the chain. */
  readonly head?: string;
  /** When given, every record must carry a signature that it accepts. */
  readonly verifySignature?: VerifySignature;
}

export interface Registry {
  /** Creates the tables. */
  open(): Promise<void>;
  /**
   * Returns the new version's number. Registering the same version of a run again returns the number it has;
   * another version of the same run raises RUN_REFUSED, an artifact that is not stored BLOB_NOT_FOUND.
   */
  registerVersion(version: NewModelVersion): Promise<number>;
  /** MODEL_NOT_FOUND or MODEL_VERSION_NOT_FOUND when there is none. */
  version(model: string, version: number): Promise<ModelVersion>;
  /** Newest first. MODEL_NOT_FOUND when there is none. */
  versions(model: string): Promise<readonly ModelVersion[]>;
  /** Names of the models that have a version, sorted. */
  models(): Promise<readonly string[]>;
  /** Empty for a model without aliases. */
  aliases(model: string): Promise<Aliases>;
  /** The version that an alias points to, if it is set. */
  resolve(model: string, alias: Alias): Promise<ModelVersion | undefined>;
  /**
   * Moves an alias and returns its record; ALIAS_REFUSED says why not. A new champion makes the old one `previous`
   * and leaves the trial. An alias that is there already stays, and the record that put it there is returned.
   */
  moveAlias(request: MoveRequest): Promise<Evidence>;
  /** Champion and previous change places. Give `expected`, so that a repeated call does not swap them back. */
  rollback(request: RollbackRequest): Promise<Evidence>;
  /** Unsets challenger or previous. Has no effect when it is not set. */
  removeAlias(request: RemovalRequest): Promise<void>;
  /** The verdicts that last let the version become challenger or champion, e.g. to promote it after its trial; empty when there are none. */
  gates(model: string, version: number): Promise<readonly GateVerdict[]>;
  /** All records of a model, oldest first. */
  evidence(model: string): Promise<readonly Evidence[]>;
  /** Walks the chain, compares aliases and versions with it, and reports the first break. */
  verifyEvidence(model: string, options?: VerifyOptions): Promise<EvidenceReport>;
}

export function createRegistry({ database, blobs, clock, ids, sign }: RegistryOptions): Registry {
  const tables = database.as<RegistryTables>();
  const transact = <T>(work: (transaction: Transaction<RegistryTables>) => Promise<T>): Promise<T> => database.transaction<RegistryTables, T>(work);

  const change = async (request: AliasRequest): Promise<Evidence | undefined> => {
    const expected = request.expected === undefined ? (await readAliases(tables, request.model))[request.alias] ?? null : request.expected;
    return transact((transaction) => changeAlias(transaction, { ...request, expected }, { clock, ids, sign }));
  };

  return {
    open: () => database.migrate("registry", REGISTRY_MIGRATIONS),

    registerVersion: async (version) => {
      await checkArtifacts(blobs, version);
      return transact((transaction) => insertVersion(transaction, version, clock.now()));
    },

    version: (model, version) => findVersion(tables, model, version),
    versions: (model) => allVersions(tables, model),
    models: () => modelNames(tables),
    aliases: (model) => readAliases(tables, model),
    resolve: async (model, alias) => {
      const version = (await readAliases(tables, model))[alias];
      return version === undefined ? undefined : findVersion(tables, model, version);
    },

    moveAlias: async (request) => {
      await findVersion(tables, request.model, request.version);
      return (await change({ ...request, action: "move" }))!; // a move that is allowed has a record, now or from before
    },
    rollback: async (request) => (await change({ ...request, action: "rollback", alias: "champion" }))!, // the same
    removeAlias: async (request) => {
      await change({ ...request, action: "remove" });
    },

    gates: async (model, version) => (await readEvidence(tables, model)).findLast((record) => record.version === version && record.gates.length > 0)?.gates ?? [],
    evidence: (model) => readEvidence(tables, model),

    verifyEvidence: (model, options = {}) => transact(async (transaction) => {
      const sealed = await readSealed(transaction, model);
      const chain = verifyChain(model, sealed, options.verifySignature);
      if (!chain.ok) return { ...chain, records: sealed.length, head: undefined };
      const versions = (await modelNames(transaction)).includes(model) ? await allVersions(transaction, model) : [];
      return auditStored(chain, { model, versions, aliases: await readAliases(transaction, model), expectedHead: options.head });
    }),
  };
}

async function checkArtifacts(blobs: Pick<BlobStore, "has">, { model, artifacts }: NewModelVersion): Promise<void> {
  const digests = Object.values(artifacts);
  if (digests.length === 0) throw new StrataError("REQUEST_INVALID", { reason: `A version of "${model}" needs at least one artifact.` });
  for (const digest of digests) {
    if (!(await blobs.has(digest))) throw new StrataError("BLOB_NOT_FOUND", { digest });
  }
}
