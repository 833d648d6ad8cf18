/**
 * Names of logs and checkpoints as file names: reversible, free of path tricks, and distinct also on
 * file systems that ignore case (capitals are escaped too).
 */
import { StrataError } from "../../kernel/errors.ts";

/** Common file systems allow 255 bytes; the rest is room for suffixes. */
const MAX_BYTES = 200;

/** "clicks" → "clicks", "Ab/c" → "%41b%2fc". REQUEST_INVALID when the name is empty, too long or not well-formed text. */
export function fileNameOf(name: string): string {
  if (name === "" || !name.isWellFormed()) throw new StrataError("REQUEST_INVALID", { reason: `${JSON.stringify(name)} cannot name stored data: it must be non-empty, well-formed text.` });
  const encoded = Array.from(Buffer.from(name), escapeByte).join("");
  if (encoded.length > MAX_BYTES) throw new StrataError("REQUEST_INVALID", { reason: `The name ${JSON.stringify(name)} is too long to store: ${encoded.length} bytes when encoded, at most ${MAX_BYTES}.` });
  return encoded;
}

/** The name behind a file name, or undefined when `fileNameOf` did not make it. */
export function nameOfFile(fileName: string): string | undefined {
  if (!/^(?:[a-z0-9_-]|%[0-9a-f]{2})+$/.test(fileName)) return undefined;
  const name = Buffer.from(fileName.replaceAll(/%(..)/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))), "latin1").toString();
  return name.isWellFormed() && fileNameOf(name) === fileName ? name : undefined;
}

function escapeByte(byte: number): string {
  const character = String.fromCharCode(byte);
  return /[a-z0-9_-]/.test(character) ? character : `%${byte.toString(16).padStart(2, "0")}`;
}
