/** What would change between the running definition and the desired one: a pure comparison for `strata plan`. */
import { canonicalJson } from "../kernel/hash.ts";
import { RESOURCE_KINDS } from "./document.ts";
import type { ApplicationDocument, ResourceDocument, ResourceKind } from "./document.ts";

export interface ValueChange {
  readonly path: string;
  readonly from: unknown;
  readonly to: unknown;
}

export interface ResourceChange {
  readonly kind: ResourceKind;
  readonly name: string;
  readonly action: "create" | "update" | "delete";
  readonly changes: readonly ValueChange[];
  /** What applying it does, in words. */
  readonly effect: string;
}

/** Changes in the order of the layers: streams first, endpoints last. Empty when nothing differs. */
export function diffDefinitions(running: ApplicationDocument | undefined, desired: ApplicationDocument): readonly ResourceChange[] {
  return RESOURCE_KINDS.flatMap((kind) => diffKind(kind, running?.resources[kind] ?? {}, desired.resources[kind]));
}

type Resources = Readonly<Record<string, ResourceDocument>>;

function diffKind(kind: ResourceKind, running: Resources, desired: Resources): readonly ResourceChange[] {
  const names = [...new Set([...Object.keys(running), ...Object.keys(desired)])].toSorted();
  return names.flatMap((name): ResourceChange[] => {
    const before = running[name];
    const after = desired[name];
    if (before === undefined) return [{ kind, name, action: "create", changes: [], effect: EFFECTS[kind].create }];
    if (after === undefined) return [{ kind, name, action: "delete", changes: [], effect: EFFECTS[kind].delete }];
    const changes = diffValues("", before, after);
    return changes.length === 0 ? [] : [{ kind, name, action: "update", changes, effect: updateEffect(kind, changes) }];
  });
}

const EFFECTS: Readonly<Record<ResourceKind, { readonly create: string; readonly update: string; readonly delete: string }>> = {
  streams: { create: "opens a log", update: "new events are checked by the new schema; stored events stay", delete: "stops accepting events; stored events stay" },
  featureViews: { create: "is built from the log", update: "is rebuilt from the log, then swapped in", delete: "its state is dropped; the events stay" },
  featureServices: { create: "can be read", update: "reads give the new set at once", delete: "can no longer be read" },
  expectations: { create: "events are judged, from the oldest that the log has", update: "new events are judged by the new rules", delete: "events are no longer judged; the history stays" },
  vectorIndexes: { create: "opens an index", update: "new points go by the new definition; a change of dimensions builds it anew", delete: "its points are dropped" },
  candidates: { create: "is built from the log", update: "is rebuilt from the log, then swapped in", delete: "its state is dropped; the events stay" },
  onDemand: { create: "is computed when asked", update: "models that use it should train again", delete: "is no longer computed" },
  models: { create: "waits for its first training", update: "the next training uses the new definition; versions in service stay", delete: "is no longer trained or served; its versions stay in the registry" },
  servedModels: { create: "is loaded", update: "is loaded anew beside the old one, then swapped in", delete: "is unloaded when what is in flight is answered" },
  graphs: { create: "starts answering", update: "answers by the new definition at once", delete: "stops answering" },
  upstreams: { create: "may be called", update: "new calls go by the new definition; those in flight finish", delete: "is no longer called" },
  languageModels: { create: "starts answering", update: "answers by the new definition at once", delete: "stops answering" },
  endpoints: { create: "starts answering", update: "answers by the new definition at once", delete: "stops answering" },
};

function updateEffect(kind: ResourceKind, changes: readonly ValueChange[]): string {
  return changes.every((change) => change.path === "description") ? "only its description changes" : EFFECTS[kind].update;
}

function diffValues(path: string, before: unknown, after: unknown): readonly ValueChange[] {
  if (isRecord(before) && isRecord(after)) {
    const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])].toSorted();
    return keys.flatMap((key) => diffValues(path === "" ? key : `${path}.${key}`, before[key], after[key]));
  }
  return canonicalJson(before) === canonicalJson(after) ? [] : [{ path, from: before, to: after }];
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
