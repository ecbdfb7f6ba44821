// The commands of the palette (Ctrl-K). A page calls `useCommands([{ id, label, run }], [deps])` while it is shown; the
// shell adds the pages of the navigation and searches runs and workflows.
import { type DependencyList, useEffect, useSyncExternalStore } from 'react';

export interface Command {
  id: string;
  label: string;
  description?: string;
  /** The heading in the palette, default "Actions". */
  group?: string;
  /** Other words that find it. */
  keywords?: readonly string[];
  run(): void;
}

let all: readonly Command[] = [];
const sets = new Set<readonly Command[]>();
const listeners = new Set<() => void>();

function changed(): void {
  all = [...sets].flat();
  for (const listener of listeners) listener();
}

/** Returns a function that removes them. */
export function registerCommands(commands: readonly Command[]): () => void {
  sets.add(commands);
  changed();
  return () => {
    sets.delete(commands);
    changed();
  };
}

export function useCommands(commands: readonly Command[], deps: DependencyList): void {
  // biome-ignore lint/correctness/useExhaustiveDependencies: the caller names what the commands depend on
  useEffect(() => registerCommands(commands), deps);
}

export const useRegisteredCommands = (): readonly Command[] =>
  useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => all,
  );
