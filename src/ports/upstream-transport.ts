/**
 * HTTP to an upstream, for the engines that speak its dialect: requests out, bytes in, nothing interpreted.
 *
 * Contract: `send` resolves when the response's head is there, whatever its status. UPSTREAM_FAILED when no connection
 * came about or it broke before the head. The body is read once: as a whole, or piece by piece as it arrives; reading pauses
 * the socket when nobody takes pieces, so memory stays bounded. A body that ends before its length raises UPSTREAM_FAILED.
 * The AbortSignal ends request and body at once and raises its reason; the connection is not used again.
 */
export interface TransportRequest {
  readonly method: "GET" | "POST";
  /** Below the base address, e.g. "/chat/completions". */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  readonly signal: AbortSignal;
}

export interface TransportBody extends AsyncIterable<Buffer> {
  /** All of it; UPSTREAM_FAILED when it is larger than the limit. */
  whole(limitBytes: number): Promise<Buffer>;
  /** Nobody wants the rest: it is read and dropped so that the connection can be used again, or cut after a while. */
  discard(): void;
}

export interface TransportResponse {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: TransportBody;
}

export interface UpstreamTransport extends AsyncDisposable {
  send(request: TransportRequest): Promise<TransportResponse>;
}
