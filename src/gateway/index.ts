/** The front door, as other layers see it. */
export { createAdmission } from "./admission.ts";
export type { Admission } from "./admission.ts";
export { createRouteTable } from "./route-table.ts";
export type { Route, RouteMatch, RouteTable } from "./route-table.ts";
