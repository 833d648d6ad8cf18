/** Applies edits of a project's files as they are saved; a definition with problems changes nothing. */
import { StrataError, toStrataError } from "../kernel/errors.ts";
import type { ResourceChange } from "../define/index.ts";
import type { Logger } from "../ports/telemetry.ts";
import { projectFolder } from "./definition-loader.ts";
import { watchFolder } from "./folder-watch.ts";

export type ReloadOutcome = { readonly changes: readonly ResourceChange[] } | { readonly error: StrataError };

export interface DefinitionWatchOptions {
  readonly reload: () => Promise<readonly ResourceChange[]>;
  readonly onReload: ((outcome: ReloadOutcome) => void) | undefined;
  readonly logger: Logger;
}

/** Editors save in several steps: wait until they are done. */
const QUIET_MS = 150;
const IGNORED = new Set(["node_modules", ".strata", ".git", "dist"]);
const SOURCES = /\.(ts|js|mts|mjs|json)$/;

export function watchDefinition(file: string, { reload, onReload, logger }: DefinitionWatchOptions): AsyncDisposable {
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> = Promise.resolve();
  const reloadNow = async (): Promise<void> => {
    try {
      const changes = await reload();
      if (changes.length > 0) onReload?.({ changes });
    } catch (thrown) {
      const error = toStrataError(thrown);
      logger.log("warn", "the edited definition was not applied; the running one stays", { reason: error.message });
      onReload?.({ error });
    }
  };
  const watcher = watchFolder(projectFolder(file), {
    files: SOURCES, ignored: IGNORED,
    onChange: () => {
      clearTimeout(timer);
      timer = setTimeout(() => { running = running.then(reloadNow); }, QUIET_MS);
    },
    onError: (thrown) => logger.log("warn", "edits are no longer noticed; restart to apply them", { reason: thrown.message }),
  });
  return {
    [Symbol.asyncDispose]: async () => {
      clearTimeout(timer);
      watcher[Symbol.dispose]();
      await running;
    },
  };
}
