/** A client that notes every byte of a stream and how it ended, as no library would. */
import { request as httpRequest } from "node:http";

export interface SeenStream {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** Everything that arrived. */
  readonly bytes: string;
  /** The text of the answer. */
  readonly text: string;
  readonly finishReasons: readonly string[];
  readonly sawDone: boolean;
  /** The error of an error event, or of the answer's JSON. */
  readonly error: { readonly code: string; readonly message: string } | undefined;
  /** The connection ended as HTTP says it must. */
  readonly endedProperly: boolean;
  readonly usageChunks: number;
}

export interface StreamRequest {
  readonly path?: string;
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Goes away after so many frames. */
  readonly leaveAfter?: number;
  /** Reads nothing for so long after the first bytes. */
  readonly pauseMs?: number;
}

export function readEvents(url: string, { path = "/chat/completions", body, headers = {}, leaveAfter, pauseMs }: StreamRequest): Promise<SeenStream> {
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest(url + path, { method: "POST", headers: { "content-type": "application/json", ...headers }, agent: false }, (incoming) => {
      const chunks: Buffer[] = [];
      let endedProperly = false;
      let hasPaused = pauseMs === undefined;
      const done = (): void => resolve(seen(incoming.statusCode ?? 0, { headers: incoming.headers, bytes: Buffer.concat(chunks).toString("utf8"), endedProperly }));
      incoming.on("data", (chunk: Buffer) => {
        chunks.push(chunk);
        if (leaveAfter !== undefined && Buffer.concat(chunks).toString("utf8").split("\n\n").length > leaveAfter) incoming.destroy();
        if (hasPaused) return;
        hasPaused = true;
        incoming.pause();
        setTimeout(() => incoming.resume(), pauseMs);
      });
      incoming.on("end", () => { endedProperly = incoming.complete; });
      incoming.on("error", () => undefined);
      incoming.on("close", done);
    });
    outgoing.on("error", reject);
    outgoing.end(JSON.stringify(body));
  });
}

function seen(status: number, { headers, bytes, endedProperly }: Pick<SeenStream, "headers" | "bytes" | "endedProperly">): SeenStream {
  const events = bytes.split("\n\n").filter((event) => event.startsWith("data: ")).map((event) => event.slice(6));
  const chunks = events.filter((event) => event !== "[DONE]").map((event) => JSON.parse(event) as {
    readonly choices?: readonly { readonly delta?: { readonly content?: string; readonly tool_calls?: readonly { readonly function?: { readonly arguments?: string } }[] }; readonly text?: string; readonly finish_reason?: string | null }[];
    readonly error?: SeenStream["error"];
    readonly usage?: unknown;
  });
  const choices = chunks.flatMap((chunk) => chunk.choices ?? []);
  const whole = status === 200 ? undefined : (JSON.parse(bytes) as { readonly error?: SeenStream["error"] });
  return {
    status, headers, bytes, endedProperly,
    text: choices.map(({ delta, text }) => text ?? delta?.content ?? delta?.tool_calls?.[0]?.function?.arguments ?? "").join(""),
    finishReasons: choices.flatMap(({ finish_reason: reason }) => (typeof reason === "string" ? [reason] : [])),
    sawDone: events.includes("[DONE]"), error: whole?.error ?? chunks.find(({ error }) => error)?.error,
    usageChunks: chunks.filter(({ usage }) => usage !== undefined && usage !== null).length,
  };
}
