// What a test file opens through the support modules is closed at its end. Vitest runs the files of a worker one after
// another in one process and evaluates a support module once, so a hook in such a module would belong to the first file
// only; tests/support/setup.ts adds the hook to every file.

const actions: Array<() => unknown> = [];

/** Runs the action when the tests of the current file have ended; the last one that was added runs first. */
export function atFileEnd(action: () => unknown): void {
  actions.push(action);
}

/** An action that fails does not keep the others from running. */
export async function endFile(): Promise<void> {
  const errors: unknown[] = [];
  for (const action of actions.splice(0).reverse()) {
    try {
      await action();
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length > 0) throw errors[0];
}
