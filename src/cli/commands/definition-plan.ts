/**
 * What applying the local definition would change on the server: asked of the server, or compared with nothing when
 * none answers. Shared by `strata plan` and `strata apply`.
 */
import { relative } from "node:path";
import { isStrataError } from "../../kernel/errors.ts";
import { describeApplication, hashApplication, loadDefinition, type Application, type ResourceChange, type ValueChange } from "../../platform/definition.ts";
import type { ApiClient } from "../api-client.ts";
import type { Palette } from "../terminal/color.ts";
import { truncate } from "../terminal/width.ts";

export interface DefinitionPlan {
  readonly application: string;
  /** Hash of the local definition. */
  readonly hash: string;
  readonly file: string;
  /** The server that was asked; null when none answered and everything counts as new. */
  readonly server: string | null;
  /** Why no server was asked. */
  readonly unreachable?: string;
  readonly changes: readonly ResourceChange[];
}

export interface LocalDefinition {
  readonly application: Application;
  /** As shown to people. */
  readonly file: string;
  readonly hash: string;
}

/** FILE_NOT_FOUND, DEFINITION_LOAD_FAILED, DEFINITION_INVALID. */
export async function loadLocalDefinition(path: string, workingDirectory: string): Promise<LocalDefinition> {
  const application = await loadDefinition(path);
  return { application, file: relative(workingDirectory, path) || path, hash: hashApplication(application) };
}

export async function planWithServer({ application, file, hash }: LocalDefinition, client: ApiClient, signal: AbortSignal): Promise<DefinitionPlan> {
  const { changes } = await client.post<{ readonly changes: readonly ResourceChange[] }>("/v1/plan", { document: describeApplication(application) }, { signal });
  return { application: application.name, hash, file, server: client.url, changes };
}

/** Runs `plan`; when no server answers, `otherwise` gets the reason. */
export async function unlessUnreachable<T>(plan: Promise<T>, otherwise: (reason: string) => T): Promise<T> {
  try {
    return await plan;
  } catch (thrown) {
    if (isStrataError(thrown) && thrown.code === "SERVER_UNREACHABLE") return otherwise(thrown.message);
    throw thrown;
  }
}

const MARKS = { create: "+", update: "~", delete: "-" } as const;
const VALUE_WIDTH = 60;

/** The plan as text: one line per resource with what it means, and every changed value from → to. Pure. */
export function renderPlan({ application, changes, server }: DefinitionPlan, palette: Palette): string {
  if (changes.length === 0) return `${palette.bold(application)} is up to date: the server runs this definition`;
  const paints = { create: palette.green, update: palette.yellow, delete: palette.red };
  const counts = (["create", "update", "delete"] as const).map((action) => `${changes.filter((change) => change.action === action).length} to ${action}`);
  const nameWidth = Math.max(...changes.map(({ kind, name }) => kind.length + name.length + 1));
  const lines = changes.flatMap(({ kind, name, action, effect, changes: values }) => [
    `  ${paints[action](`${MARKS[action]} ${`${kind}.${name}`.padEnd(nameWidth)}`)}  ${palette.dim(effect)}`,
    ...values.map((value) => `      ${renderValue(value, palette)}`),
  ]);
  return [`${palette.bold(application)}: ${counts.join(", ")}${server === null ? " (no server to compare with)" : ""}`, "", ...lines].join("\n");
}

function renderValue({ path, from, to }: ValueChange, palette: Palette): string {
  return `${path}  ${palette.red(valueText(from))} → ${palette.green(valueText(to))}`;
}

function valueText(value: unknown): string {
  return value === undefined ? "nothing" : truncate(JSON.stringify(value), VALUE_WIDTH);
}
