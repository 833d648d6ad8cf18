/** Operate, as other layers see it. */
export { createController } from "./controller.ts";
export type { Controller, ControllerOptions, TrainedVersion } from "./controller.ts";
export { ksOf, psiOf } from "./drift-watch.ts";
export type { DriftWindow } from "./drift-watch.ts";
export { createMonitor } from "./monitor.ts";
export type { Monitor } from "./monitor.ts";
export { planTraffic, versionsOf } from "./traffic-plan.ts";
