/**
 * Where to run a job that needs files: on the worker that will have finished it first. A worker that has the files
 * cached saves their transfer; a queue in front of it costs the time of the jobs that wait. Pure: workers and a job in,
 * a choice with its numbers in a sentence out.
 */

export interface PlacementWorker {
  readonly name: string;
  /** Bytes of each file it has, by the file's address. */
  readonly cached: ReadonlyMap<string, number>;
  readonly slots: number;
  /** Jobs that run or wait there. */
  readonly jobs: number;
}

export interface PlacementJob {
  /** Bytes of each file that has to be on the worker, by the file's address; files that every worker reaches alike are left out. */
  readonly needs: ReadonlyMap<string, number>;
}

export interface PlacementRates {
  /** How fast a worker fetches what it lacks. */
  readonly bytesPerSecond: number;
  /** How long a job takes, without its transfer. */
  readonly secondsPerJob: number;
}

export interface Placement {
  readonly worker: string;
  readonly neededBytes: number;
  readonly cachedBytes: number;
  /** Until the job could start with all its files. */
  readonly waitSeconds: number;
  readonly reason: string;
}

interface Candidate {
  readonly worker: PlacementWorker;
  readonly cachedBytes: number;
  readonly queueSeconds: number;
  readonly transferSeconds: number;
}

/** Undefined when there is no worker. Equal times go to the one with more cached, then to the one with less to do, then by name. */
export function placeJob({ needs }: PlacementJob, workers: readonly PlacementWorker[], { bytesPerSecond, secondsPerJob }: PlacementRates): Placement | undefined {
  const neededBytes = [...needs.values()].reduce((sum, bytes) => sum + bytes, 0);
  const candidates = workers.map((worker): Candidate => {
    const cachedBytes = [...needs].reduce((sum, [file, bytes]) => sum + (worker.cached.has(file) ? bytes : 0), 0);
    const ahead = Math.max(0, worker.jobs + 1 - worker.slots);
    return { worker, cachedBytes, queueSeconds: (ahead / worker.slots) * secondsPerJob, transferSeconds: (neededBytes - cachedBytes) / bytesPerSecond };
  }).toSorted((a, b) => waitOf(a) - waitOf(b) || b.cachedBytes - a.cachedBytes || a.worker.jobs - b.worker.jobs || (a.worker.name < b.worker.name ? -1 : 1));
  const [best] = candidates;
  if (best === undefined) return undefined;
  const { worker: { name }, cachedBytes } = best;
  return { worker: name, neededBytes, cachedBytes, waitSeconds: waitOf(best), reason: sentence(best, candidates, neededBytes) };
}

const waitOf = ({ queueSeconds, transferSeconds }: Candidate): number => queueSeconds + transferSeconds;

function sentence(best: Candidate, candidates: readonly Candidate[], neededBytes: number): string {
  const { worker, cachedBytes } = best;
  if (neededBytes === 0) return `${worker.name} has the fewest jobs, and every worker reaches the files alike`;
  const has = `${worker.name} has ${mebibytes(cachedBytes)} of the ${mebibytes(neededBytes)} MiB it needs`;
  const fuller = candidates.filter((other) => other.cachedBytes > cachedBytes).toSorted((a, b) => b.cachedBytes - a.cachedBytes)[0];
  if (fuller !== undefined) return `${has}; ${fuller.worker.name} has ${mebibytes(fuller.cachedBytes)} MiB, but waiting there would take ${seconds(fuller.queueSeconds)} s and fetching the rest here takes ${seconds(best.transferSeconds)} s`;
  return cachedBytes === 0 ? `${has}, like every other worker, and would start first` : `${has}, the most of all`;
}

const mebibytes = (bytes: number): string => (bytes / 2 ** 20).toFixed(1);
const seconds = (value: number): string => value.toFixed(2);
