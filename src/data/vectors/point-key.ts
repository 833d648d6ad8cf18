/** Keys of the user's own as ids of points: whole numbers and UUIDs are themselves, other texts become a UUID by their hash. */
import { sha256 } from "../../kernel/hash.ts";
import type { PointId } from "./point.ts";

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** The same key gives the same id everywhere: SHA-256 in the shape of a version 8 UUID (RFC 9562). */
export function pointIdOf(key: string | number): PointId {
  if (typeof key === "number" && Number.isSafeInteger(key) && key >= 0) return key;
  const text = String(key);
  if (UUID.test(text)) return text.toLowerCase();
  const hex = sha256(text);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
