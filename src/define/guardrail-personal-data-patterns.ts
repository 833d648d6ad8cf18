/**
 * Personal data in text: patterns that find candidates, and checks that keep only real ones: Luhn for cards
 * (ISO/IEC 7812-1), mod 97 for IBANs (ISO 13616), ranges for addresses and social security numbers. What a pattern
 * cannot know, such as names, is not looked for.
 */

export const PERSONAL_DATA_KINDS = ["email", "iban", "card", "ssn", "ip", "phone"] as const;
export type PersonalDataKind = (typeof PERSONAL_DATA_KINDS)[number];

export interface FoundPersonalData {
  readonly kind: PersonalDataKind;
  readonly start: number;
  readonly end: number;
}

interface Detector {
  readonly pattern: RegExp;
  /** The length of the candidate that is real; 0: nothing. */
  readonly realLength: (candidate: string) => number;
}

const whole = (isReal: (candidate: string) => boolean) => (candidate: string): number => (isReal(candidate) ? candidate.length : 0);
const digitsOf = (text: string): string => text.replaceAll(/\D/g, "");

const DETECTORS: Readonly<Record<PersonalDataKind, Detector>> = {
  email: { pattern: /(?<![\p{L}\d._%+-])[\p{L}\d](?:[\p{L}\d._%+-]{0,63})@(?:[\p{L}\d](?:[\p{L}\d-]{0,61}[\p{L}\d])?\.)+\p{L}{2,24}(?![\p{L}\d])/gu, realLength: (candidate) => candidate.length },
  iban: { pattern: /(?<![\p{L}\d])[A-Z]{2}\d{2}(?:[ -]?[A-Z\d]){11,30}(?![\p{L}\d])/gu, realLength: ibanLength },
  card: { pattern: /(?<![\d.,])\d(?:[ -]?\d){11,18}(?![\d])/g, realLength: whole((candidate) => isCard(digitsOf(candidate))) },
  ssn: { pattern: /(?<![\d-])(?!000|666|9\d\d)\d{3}([- ])(?!00)\d{2}\1(?!0000)\d{4}(?![\d-])/g, realLength: (candidate) => candidate.length },
  ip: { pattern: /(?<![\d.])(?:\d{1,3}\.){3}\d{1,3}(?![\d.]*\d)|(?<![\p{L}\d:])(?:[\dA-Fa-f]{0,4}:){2,7}[\dA-Fa-f]{0,4}(?![\p{L}\d:])/gu, realLength: whole(isAddress) },
  phone: { pattern: /(?<![\p{L}\d.,/+-])(?:(?:\+|00)[1-9]\d{0,2}[ .\-/]?(?:\(0?\d{1,4}\)[ .\-/]?)?\d(?:[ .\-/]?\d){5,13}|\(\d{2,5}\)[ .\-/]?\d(?:[ .\-/]?\d){5,9}|0\d{1,4}[ /-]\d(?:[ -]?\d){4,9}|[2-9]\d{2}[ .-]\d{3}[ .-]\d{4})(?![\p{L}\d]|[.,]\d)/gu, realLength: whole(isPhone) },
};

/** In the order of the text; where two overlap, the earlier kind of the list wins. `from`: what begins before it is only context. */
export function findPersonalData(text: string, kinds: readonly PersonalDataKind[], from = 0): readonly FoundPersonalData[] {
  const found: FoundPersonalData[] = [];
  for (const kind of PERSONAL_DATA_KINDS) {
    if (!kinds.includes(kind)) continue;
    const { pattern, realLength } = DETECTORS[kind];
    for (const { 0: candidate, index } of text.matchAll(pattern)) {
      const length = realLength(candidate);
      if (length === 0 || index < from || found.some(({ start, end }) => index < end && start < index + length)) continue;
      found.push({ kind, start: index, end: index + length });
    }
  }
  return found.toSorted((a, b) => a.start - b.start);
}

/** Longest that anything found here can be: an address of e-mail (RFC 5321). */
const LONGEST = 254;

/**
 * Where a text that goes on may be cut. What follows may belong to its last word, and that to the words before it
 * where these end like groups of a number ("+49 170 12", "DE89 3704").
 */
export function openEnd(text: string): number {
  const tail = text.slice(-LONGEST);
  return text.length - tail.length + /(?:(?<!\S)\S*[\dA-Z)] )*(?:(?<!\S)\S*)?$/.exec(tail)!.index; // it matches at the end at least
}

function isCard(digits: string): boolean {
  if (digits.length < 13 || digits.length > 19 || /^(\d)\1*$/.test(digits)) return false;
  let sum = 0;
  for (const [i, digit] of Array.from(digits).toReversed().entries()) {
    const value = Number(digit) * (i % 2 === 0 ? 1 : 2);
    sum += value > 9 ? value - 9 : value;
  }
  return sum % 10 === 0 && /^[2-6]/.test(digits); // 2-6: payment cards (ISO/IEC 7812-1, major industry identifiers)
}

/** Words after an IBAN look like more of it: the longest beginning that checks out is the IBAN. */
function ibanLength(candidate: string): number {
  for (let end = candidate.length; end >= 15; end--) {
    const iban = candidate.slice(0, end).replaceAll(/[ -]/g, "");
    if (/[A-Z\d]$/.test(candidate.slice(0, end)) && iban.length >= 15 && iban.length <= 34 && !/^[A-Z\d]/.test(candidate.slice(end)) && remainder97(iban) === 1) return end;
  }
  return 0;
}

function remainder97(iban: string): number {
  let remainder = 0;
  for (const character of iban.slice(4) + iban.slice(0, 4)) {
    for (const digit of Number.parseInt(character, 36).toString()) remainder = (remainder * 10 + Number(digit)) % 97;
  }
  return remainder;
}

function isAddress(candidate: string): boolean {
  if (candidate.includes(".")) return candidate.split(".").every((part) => Number(part) <= 255 && (part === "0" || !part.startsWith("0")));
  const groups = candidate.split(":").filter((group) => group !== "");
  const isShort = candidate.includes("::");
  return isShort ? candidate.split("::").length === 2 && groups.length >= 2 && groups.length <= 7 : groups.length === 8;
}

function isPhone(candidate: string): boolean {
  const { length } = digitsOf(candidate);
  return length >= 7 && length <= 15 && !/^\d{2,4}[-/.]\d{2}[-/.]\d{2,4}$/.test(candidate); // not a date
}
