/** JSON that must be an object. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** undefined when the text is no JSON, or no object. */
export function parseObject(text: string | Buffer): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(typeof text === "string" ? text : text.toString("utf8"));
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as JsonObject) : undefined;
  } catch {
    return undefined;
  }
}
