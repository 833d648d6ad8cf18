/** Whether this Node.js can run Strata. Imports nothing, so that a Node that is too old gets this far and says so. */

/** Node 22.18 is the first 22 that runs TypeScript definitions as they are, without a flag (type stripping). */
const OLDEST = [22, 18] as const;

/** The sentence to show and stop, or undefined when the version will do. `version` is like "22.18.0". */
export function nodeVersionProblem(version: string): string | undefined {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1])) return undefined;
  return `Strata needs Node.js ${OLDEST.join(".")} or newer, and this is ${version}. Install a current release from https://nodejs.org and run the command again.`;
}
