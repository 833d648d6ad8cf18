/** What one frame of a language model's stream says, in the dialects of OpenAI (chat, completions, responses) and Anthropic. */
export interface StreamFrame {
  /** What the frame adds to the answer; "" for frames about the answer. */
  readonly text: string;
  /** Tokens of the answer so far, where the frame counts them. */
  readonly tokens: number | undefined;
  /** The answer is complete. */
  readonly isEnd: boolean;
  /** The stream reports a failure; what it says. */
  readonly error: string | undefined;
}

const END: StreamFrame = { text: "", tokens: undefined, isEnd: true, error: undefined };
const END_TYPES = new Set(["message_stop", "response.completed"]);

export function readStreamFrame(data: string, type: string): StreamFrame {
  if (data === "[DONE]") return END;
  const frame = data.startsWith("{") ? parse(data) : undefined;
  if (type === "error" || frame?.["error"] != null) return { text: "", tokens: undefined, isEnd: false, error: data };
  if (frame === undefined) return { text: data, tokens: undefined, isEnd: false, error: undefined };
  const usage = field(frame, "usage") ?? field(field(frame, "response"), "usage");
  return { text: textOf(frame), tokens: number(usage?.["completion_tokens"] ?? usage?.["output_tokens"]), isEnd: END_TYPES.has(String(frame["type"])), error: undefined };
}

type Fields = Readonly<Record<string, unknown>>;

function parse(data: string): Fields | undefined {
  try {
    return JSON.parse(data) as Fields; // it begins with "{"
  } catch {
    return undefined;
  }
}

function textOf(frame: Fields): string {
  const choices = frame["choices"];
  const choice = Array.isArray(choices) ? (choices[0] as unknown) : undefined;
  const delta = field(choice, "delta") ?? field(frame, "delta");
  return text(delta?.["content"]) || text(delta?.["text"]) || text(delta?.["reasoning_content"]) || text(isFields(choice) ? choice["text"] : undefined)
    || text(frame["delta"]) || (delta?.["tool_calls"] == null ? "" : JSON.stringify(delta["tool_calls"]));
}

const isFields = (value: unknown): value is Fields => typeof value === "object" && value !== null;
const text = (value: unknown): string => (typeof value === "string" ? value : "");
const number = (value: unknown): number | undefined => (typeof value === "number" ? value : undefined);

function field(value: unknown, name: string): Fields | undefined {
  const found = isFields(value) ? value[name] : undefined;
  return isFields(found) ? found : undefined;
}
