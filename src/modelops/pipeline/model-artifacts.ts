/** What a version leaves in the blob store, and how serving and monitoring get it back. */
import { StrataError, reasonOf } from "../../kernel/errors.ts";
import type { BlobStore } from "../../ports/blob-store.ts";
import type { ModelVersion } from "../registry/model-version.ts";
import type { TrainingProfile } from "./training-profile.ts";

/** Artifact roles of a version. */
export const ARTIFACTS = { trees: "trees", onnx: "onnx", profile: "profile" } as const;

export async function readTrees(blobs: Pick<BlobStore, "get">, version: ModelVersion): Promise<Uint8Array> {
  return blobs.get(digestOf(version, ARTIFACTS.trees));
}

export async function readProfile(blobs: BlobStore, version: ModelVersion): Promise<TrainingProfile> {
  const bytes = await blobs.get(digestOf(version, ARTIFACTS.profile));
  try {
    return JSON.parse(Buffer.from(bytes).toString("utf8")) as TrainingProfile; // written by the training pipeline, verified by its digest
  } catch (thrown) {
    throw new StrataError("MODEL_ARTIFACT_INVALID", { model: version.model, version: version.version, reason: reasonOf(thrown) }, { cause: thrown });
  }
}

function digestOf({ model, version, artifacts }: ModelVersion, role: string): string {
  const digest = artifacts[role];
  if (digest === undefined) throw new StrataError("MODEL_ARTIFACT_INVALID", { model, version, reason: `it has no artifact "${role}"` });
  return digest;
}

/** Categories of the text columns, by column. */
export function categoriesOf({ signature }: Pick<ModelVersion, "signature">): Readonly<Record<string, readonly string[]>> {
  return Object.fromEntries(signature.inputs.flatMap((input) => (input.categories ? [[input.name, input.categories]] : [])));
}
