/**
 * Log names as brokers take them (letters, digits, `-` and `_`), and back: every other byte of the name's UTF-8 becomes
 * `_` and two hexadecimal digits, `_` itself included, so that no two logs share a name.
 */

export function encodeLogName(name: string): string {
  return Array.from(Buffer.from(name), (byte) => (isPlain(byte) ? String.fromCharCode(byte) : `_${byte.toString(16).padStart(2, "0")}`)).join("");
}

export function decodeLogName(encoded: string): string {
  return Buffer.from(encoded.replaceAll(/_([0-9a-f]{2})|(.)/g, (_, hex: string | undefined, plain: string) => hex ?? plain.charCodeAt(0).toString(16).padStart(2, "0")), "hex").toString();
}

/** A-Z, a-z, 0-9 and "-". */
function isPlain(byte: number): boolean {
  return (byte >= 65 && byte <= 90) || (byte >= 97 && byte <= 122) || (byte >= 48 && byte <= 57) || byte === 45;
}
