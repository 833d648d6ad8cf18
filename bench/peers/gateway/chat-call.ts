/** The chat that every gateway is asked, whole and as a stream. */
export const CALL_PATH = "/v1/chat/completions";
/** Of the mock's answer. */
export const ANSWER_MARK = "The quick brown fox";

const messages = [
  { role: "system", content: "You are a helpful assistant. Answer in one sentence." },
  { role: "user", content: "What does the quick brown fox do in the afternoon, and why would anybody write a sentence about it?" },
];

export const WHOLE_CALL = JSON.stringify({ model: "mock-model", messages, max_tokens: 64, temperature: 0.5 });
/** Room for more tokens than the mock streams: near its limit a gateway that counts exactly counts every frame. */
export const STREAM_CALL = JSON.stringify({ model: "mock-model", messages, max_tokens: 1_024, stream: true });
