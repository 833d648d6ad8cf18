/** Bodies as they are given on the command line: a text, a file, or a file of which each line is one. */
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { StrataError, reasonOf } from "../../../kernel/errors.ts";
import type { Host } from "../../host.ts";
import type { OptionTable } from "../../option.ts";

export const BODY_OPTIONS = {
  body: { type: "string", short: "d", multiple: true, placeholder: "text or @file", description: "Body to send; several are sent in turn. {{id}} becomes a new id each time, {{now}} the time" },
  bodyLines: { type: "string", placeholder: "file", description: "File of which each line is a body, sent in turn" },
} as const satisfies OptionTable;

export interface BodyOptions {
  readonly body: readonly string[];
  readonly bodyLines: string | undefined;
}

/** Files that are text stay text, so that their placeholders are seen. */
export async function readBodies({ body, bodyLines }: BodyOptions, host: Pick<Host, "workingDirectory">): Promise<readonly (string | Uint8Array)[]> {
  const given = await Promise.all(body.map(async (text) => (text.startsWith("@") ? textOrBytes(await readBytes(text.slice(1), host)) : text)));
  if (bodyLines === undefined) return given;
  const lines = (await readBytes(bodyLines, host)).toString("utf8").split("\n").map((line) => line.trim()).filter((line) => line !== "");
  if (lines.length === 0) throw new StrataError("FILE_INVALID", { path: bodyLines, format: "text", reason: "it has no line" });
  return [...given, ...lines];
}

/** What the Content-Type is when nobody says. */
export function typeOfBody(body: string | Uint8Array): string {
  if (typeof body !== "string") return "application/octet-stream";
  return /^\s*[[{]/.test(body) ? "application/json" : "text/plain; charset=utf-8";
}

function textOrBytes(bytes: Buffer): string | Uint8Array {
  const text = bytes.toString("utf8");
  return Buffer.from(text).equals(bytes) ? text : bytes;
}

async function readBytes(path: string, { workingDirectory }: Pick<Host, "workingDirectory">): Promise<Buffer> {
  try {
    return await readFile(resolve(workingDirectory, path));
  } catch (thrown) {
    const isMissing = thrown instanceof Error && "code" in thrown && thrown.code === "ENOENT";
    throw isMissing ? new StrataError("FILE_NOT_FOUND", { path }, { cause: thrown }) : new StrataError("FILE_UNREADABLE", { path, reason: reasonOf(thrown) }, { cause: thrown });
  }
}
