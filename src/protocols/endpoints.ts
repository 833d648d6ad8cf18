/** Strata's own inference dialect: POST /v1/endpoints/:endpoint with the endpoint's request as JSON. */
import { StrataError } from "../kernel/errors.ts";
import type { EndpointService, Variant } from "../serving/index.ts";
import { jsonResponse } from "./http.ts";
import type { HttpRequest, HttpResponse } from "./http.ts";
import { parseJsonBody } from "./json-body.ts";

/** Header with which a caller asks for a variant instead of the stable split. */
export const VARIANT_HEADER = "strata-variant";

export async function handleEndpoint(service: EndpointService, endpoint: string, request: HttpRequest): Promise<HttpResponse> {
  const variant = variantOf(request.headers[VARIANT_HEADER]);
  return jsonResponse(await service.answer(endpoint, parseJsonBody(request.body), variant === undefined ? {} : { variant }));
}

function variantOf(header: string | undefined): Variant | undefined {
  if (header === undefined || header === "champion" || header === "canary") return header;
  throw new StrataError("REQUEST_INVALID", { reason: `The header ${VARIANT_HEADER} is "${header}"; it must be champion or canary.` });
}
