// Reads the folder in a thread of its own: a module is loaded once per thread, so a new thread also sees changes of the
// modules that a workflow imports.
import { Worker } from 'node:worker_threads';
import type { Project } from '../project.ts';
import type { LocalResource } from '../resources/kind.ts';
import type { LocalFault, LocalWorkflow } from '../workflows/local.ts';

export interface FolderContent {
  workflows: LocalWorkflow[];
  components: LocalResource[];
  schedules: LocalResource[];
  faults: LocalFault[];
}

/** A module of the folder may never end, for example with a loop. */
const DEADLINE_MS = 20_000;

export function readFolder({ folder }: Project, signal: AbortSignal): Promise<FolderContent> {
  // Beside this file in the sources, and beside the program in the package.
  const name = import.meta.url.endsWith('.ts') ? './folder-thread.ts' : './folder-thread.js';
  const thread = new Worker(new URL(name, import.meta.url), { workerData: folder });
  return new Promise<FolderContent>((resolve, reject) => {
    const stop = (reason: Error) => reject(reason);
    const timer = setTimeout(
      () => stop(new Error(`The modules of ${folder} did not load in ${DEADLINE_MS / 1000} s`)),
      DEADLINE_MS,
    );
    signal.addEventListener('abort', () => stop(new Error('stopped')), { once: true });
    thread.once('message', resolve);
    thread.once('error', reject);
    thread.once('exit', () => stop(new Error('A module of the folder ended the program')));
    thread.once('exit', () => clearTimeout(timer));
  }).finally(() => thread.terminate());
}
