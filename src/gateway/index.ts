/** The front door, as other layers see it. */
export { createAdmission } from "./admission.ts";
export type { Admission } from "./admission.ts";
export { createRouteTable } from "./route-table.ts";
export type { Route, RouteMatch, RouteTable } from "./route-table.ts";
export { createLedgerCallPolicy } from "./language/budgets/ledger-call-policy.ts";
export { costOf } from "./language/call-policy.ts";
export type { AdmittedCall, CachedCall, Caller, CallOutcome, CallPolicy, CallRequest, Operation, TokenPrice, TokenUsage } from "./language/call-policy.ts";
export { nanoUsd, usdOf, usdText } from "./language/budgets/money.ts";
export { createKeyDesk } from "./language/keys/key-desk.ts";
export type { KeyDesk, KeyTerms, KeyView, KeyWithSecret } from "./language/keys/key-desk.ts";
export { createKeyDirectory } from "./language/keys/key-directory.ts";
export type { KeyDirectory } from "./language/keys/key-directory.ts";
