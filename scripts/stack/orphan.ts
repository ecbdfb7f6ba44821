// Under npm a signal may end npm and its shell without reaching this process, and nothing would stop the stack. A
// script that npm started therefore watches the two processes above it.

import { readFileSync } from 'node:fs';

const INTERVAL_MS = 500;

/** The parent of a process on Linux; otherwise undefined. */
function parentOf(pid: number): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name of the program, in parentheses, may contain any character.
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
  } catch {
    return undefined;
  }
}

/** Calls back once when npm or its shell has exited. Without npm it does nothing. */
export function onOrphaned(callback: () => void): void {
  if (process.env.npm_lifecycle_event === undefined) return;
  const shell = process.ppid;
  const npm = parentOf(shell);
  const timer = setInterval(() => {
    if (process.ppid === shell && parentOf(shell) === npm) return;
    clearInterval(timer);
    callback();
  }, INTERVAL_MS);
  timer.unref();
}
