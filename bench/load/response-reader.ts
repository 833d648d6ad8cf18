/**
 * Reads HTTP/1.1 responses from the pieces a socket delivers: status and body by Content-Length. No chunked bodies:
 * the routes under load send none, and a reader that refuses them cannot mismeasure them.
 */
export interface HttpAnswer {
  readonly status: number;
  /** Valid until the callback returns. */
  readonly body: Buffer;
  /** The server will close the connection after this response. */
  readonly isLast: boolean;
}

export interface ResponseReader {
  /** Throws when the bytes are no response this reader understands. */
  push(chunk: Buffer): void;
}

const HEAD_END = "\r\n\r\n";
const MAX_HEAD_BYTES = 64 * 1024;

export function createResponseReader(onAnswer: (answer: HttpAnswer) => void): ResponseReader {
  let rest: Buffer | undefined;
  /** Bytes that must be there before it is worth looking again. */
  let neededBytes = 0;
  return {
    push: (chunk) => {
      let bytes = rest === undefined ? chunk : Buffer.concat([rest, chunk]);
      rest = undefined;
      while (bytes.length >= Math.max(1, neededBytes)) {
        neededBytes = 0;
        const headEnd = bytes.indexOf(HEAD_END);
        if (headEnd < 0) {
          if (bytes.length > MAX_HEAD_BYTES) throw new Error(`no end of the response's head in ${bytes.length} bytes`);
          neededBytes = bytes.length + 1;
          break;
        }
        const { status, bodyBytes, isLast } = readHead(bytes.toString("latin1", 0, headEnd));
        const start = headEnd + HEAD_END.length;
        if (bytes.length < start + bodyBytes) {
          neededBytes = start + bodyBytes;
          break;
        }
        onAnswer({ status, body: bytes.subarray(start, start + bodyBytes), isLast });
        bytes = bytes.subarray(start + bodyBytes);
      }
      if (bytes.length > 0) rest = bytes;
    },
  };
}

const LENGTH = /\r\ncontent-length: *(\d+)/i;
const CLOSING = /\r\nconnection: *close/i;

function readHead(head: string): { readonly status: number; readonly bodyBytes: number; readonly isLast: boolean } {
  const status = Number(head.slice(9, 12));
  if (!head.startsWith("HTTP/1.1 ") || !Number.isInteger(status) || status < 100) throw new Error(`not an HTTP/1.1 response: ${JSON.stringify(head.slice(0, 40))}`);
  const length = LENGTH.exec(head)?.[1];
  if (length === undefined && status !== 204 && status !== 304) throw new Error(`a response with status ${status} has no Content-Length`);
  return { status, bodyBytes: Number(length ?? 0), isLast: CLOSING.test(head) };
}
