/** What is read from a ticket's text: plain functions, the same in training and in serving. */
export const TICKET_FEATURES = ["words", "capitals", "exclamations", "questions", "failure_words", "money_words", "time_words", "thanks"] as const;

const FAILURE = ["broken", "down", "crash", "error", "fails", "lost", "cannot"];
const MONEY = ["invoice", "refund", "charged", "payment"];
const TIME = ["now", "today", "immediately", "urgent", "asap", "deadline"];
const THANKS = ["thanks", "please", "kind", "great"];
const RUDE = ["terrible", "useless", "awful", "worst"];

/** One number per name in TICKET_FEATURES. */
export function featuresOf(text: string): readonly number[] {
  const words = text.split(/\s+/).filter((word) => word !== "");
  const count = (list: readonly string[]): number => words.filter((word) => list.includes(plain(word))).length;
  const capitals = words.filter((word) => word.length > 2 && word === word.toUpperCase()).length / Math.max(1, words.length);
  return [words.length, capitals, text.split("!").length - 1, text.split("?").length - 1, count(FAILURE), count(MONEY), count(TIME), count(THANKS)];
}

/** 0 hostile to 1 friendly; "careful" also hears what is missing. */
export function toneOf(text: string, kind: "plain" | "careful"): number {
  const words = text.split(/\s+/).map(plain);
  const count = (list: readonly string[]): number => words.filter((word) => list.includes(word)).length;
  const score = count(THANKS) - 2 * count(RUDE) - (kind === "careful" ? 0.5 * (text.split("!").length - 1) : 0);
  return 1 / (1 + Math.exp(-score));
}

const plain = (word: string): string => word.toLowerCase().replaceAll(/[^a-z]/g, "");
