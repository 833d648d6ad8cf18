/** Says that figures are old, and when the next attempt is; nothing while all is well. */
import { h } from "preact";
import type { ComponentChild } from "preact";
import type { Connection } from "./live/connection.ts";

export interface ConnectionNoticeProps {
  readonly connection: Connection;
  readonly hasOverview: boolean;
  readonly nowWallMs: number;
  readonly onRetry: () => void;
}

export function ConnectionNotice({ connection, hasOverview, nowWallMs, onRetry }: ConnectionNoticeProps): ComponentChild {
  if (connection.kind === "live" || connection.kind === "connecting") return null;
  const seconds = Math.max(0, Math.ceil((connection.retryAtMs - nowWallMs) / 1000));
  const next = seconds === 0 ? "Trying now." : `Next attempt in ${seconds} s.`;
  const isGone = connection.kind === "gone";
  return h("div", { class: `connection connection-${connection.kind}`, role: "alert" },
    h("p", null, h("b", null, isGone ? "The server is gone." : "The connection to the server broke; reconnecting."), " ",
      hasOverview ? "The figures below are the last ones received. " : "", isGone ? ["Start it again with ", h("code", null, "strata up"), ". "] : "", h("span", { "aria-hidden": "true" }, next)),
    h("button", { type: "button", class: "button", onClick: onRetry }, "Try now"));
}
