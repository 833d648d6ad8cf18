/** What every front door does, whatever stands behind it: bounds what is in flight, refuses other sites, tells its metrics, and answers errors. */
import { createAdmission } from "../gateway/index.ts";
import { StrataError } from "../kernel/errors.ts";
import type { TelemetrySnapshot } from "../observe/index.ts";
import { errorResponse } from "../protocols/http.ts";
import type { HttpRequest, HttpResponse } from "../protocols/http.ts";
import { PROMETHEUS_CONTENT_TYPE, renderPrometheusText } from "../protocols/prometheus/text.ts";

/** Requests in flight over all connections; each holds its body and an answer, so this bounds memory. */
const MAX_IN_FLIGHT = 10_000;

/** Times are in seconds: 2^-14 s = 61 µs, below what any request takes. */
const LOWEST_BUCKET_EXPONENT = -14;

/** A door in front of `dispatch`; the result never rejects. */
export function createDoor(dispatch: (request: HttpRequest) => Promise<HttpResponse>): (request: HttpRequest) => Promise<HttpResponse> {
  const admission = createAdmission({ maxInFlight: MAX_IN_FLIGHT });
  return async (request) => {
    try {
      return await admission.admit(() => {
        refuseCrossSite(request);
        return dispatch(request);
      });
    } catch (thrown) {
      return errorResponse(thrown);
    }
  };
}

/** GET /metrics. METHOD_NOT_ALLOWED. */
export async function answerMetrics({ method, path }: HttpRequest, snapshot: () => TelemetrySnapshot | Promise<TelemetrySnapshot>): Promise<HttpResponse> {
  if (method !== "GET" && method !== "HEAD") throw new StrataError("METHOD_NOT_ALLOWED", { method, path, allowed: "GET, HEAD" });
  return { status: 200, headers: { "content-type": PROMETHEUS_CONTENT_TYPE }, body: renderPrometheusText(await snapshot(), { lowestExponent: LOWEST_BUCKET_EXPONENT }) };
}

/** Without authentication any page in the user's browser could otherwise train, roll back or write events on this machine (CSRF). */
function refuseCrossSite({ method, path, headers }: HttpRequest): void {
  if (method === "GET" || method === "HEAD" || headers["sec-fetch-site"] !== "cross-site") return;
  throw new StrataError("CROSS_SITE_REFUSED", { method, path });
}
