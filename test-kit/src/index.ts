// `stepbase-test`: runs workflows in the tests of an application, on the engine of Stepbase itself.

import type { TestKit, TestKitOptions } from './api.ts';
import { createKit } from './kit.ts';

export { failure, httpOutput } from './answers.ts';
export type * from './api.ts';
export { handlerMock } from './handler.ts';
export { recordRun } from './record.ts';

/**
 * Starts a kit with a database of its own, for one test file: close it at the end. The first call on a machine prepares
 * the server, which takes longer; later calls copy it.
 */
export const createTestKit: (options?: TestKitOptions) => Promise<TestKit> = createKit;
