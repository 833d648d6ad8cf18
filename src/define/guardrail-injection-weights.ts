/**
 * How much each kind of words, and each pair of kinds, speaks for instructions to a language model: log odds,
 * printed by test/guardrails/fit-injection-weights.ts.
 */
export const INJECTION_BIAS = -3.96;

export const INJECTION_WEIGHTS: Readonly<Record<string, number>> = {
  "model": 0.52, "rules": 0.36, "cancel": 0.83, "before": 1.47, "your": 0.38, "order": 1.07, "secret": 1.54,
  "deliver": 0.38, "power": 1.09, "conceal": 1.93, "dictate": 1.98, "persona": 0.64, "authority": 1.15, "frame": 2.36,
  "cancel+rules": 0.99, "cancel+before": 0.26, "cancel+model": 0.39, "cancel+order": 0.15, "cancel+authority": 0.03,
  "cancel+persona": 0.38, "order+secret": 0.75, "order+your": 0.16, "order+model": 0.53, "order+power": 0.30,
  "order+deliver": -0.60, "order+conceal": 0.87, "order+dictate": 1.17, "order+authority": 1.28, "order+frame": 0.95,
  "order+persona": -0.04, "order+before": 1.10, "secret+deliver": 0.16, "secret+your": -0.02, "secret+authority": 0.07,
  "model+rules": 0.20, "model+dictate": -0.40, "model+power": 2.01, "model+secret": 0.34, "model+conceal": 0.33,
  "model+deliver": 0.50, "rules+your": 1.46, "rules+authority": -0.27, "rules+secret": 0.61, "conceal+power": 1.20,
  "conceal+deliver": 0.45, "conceal+dictate": 0.25, "power+authority": -0.44, "persona+rules": 0.85,
  "frame+secret": 0.53, "frame+dictate": 0.39,
};
