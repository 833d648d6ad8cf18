/** What `strata doctor` finds at the servers of the profile: whether each answers, its version, and whether its settings keep what it acknowledges. */
import { inspectProfile } from "../../../platform/profile-inspect.ts";
import { loadProfile, type Environment } from "../../../platform/profile.ts";
import { failedCheck, type Check } from "./check.ts";

/** One check per server that the profile names; none without a profile. */
export async function checkProfile(place: string, environment: Environment): Promise<readonly Check[]> {
  try {
    const findings = await inspectProfile(loadProfile(place, environment), environment);
    return findings.map(({ key, place: address, found, warnings, failure }) => {
      const name = `engine ${key}`;
      if (failure !== undefined) return failedCheck(name, failure);
      const detail = `${found} at ${address}`;
      return warnings.length === 0 ? { name, status: "ok", detail } : { name, status: "warning", detail, next: warnings.join("; ") };
    });
  } catch (thrown) {
    return [failedCheck("profile", thrown)];
  }
}
