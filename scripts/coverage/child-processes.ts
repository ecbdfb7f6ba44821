// Setup file of Vitest under `npm run coverage`. Vitest measures its own processes, so they start without
// NODE_V8_COVERAGE: two measurements in one process would take each other's counts. The commands that a test starts
// run without Vitest; Node gives them the variable.

import { coverageFolders } from './folders.ts';

const folders = coverageFolders();
if (folders) process.env.NODE_V8_COVERAGE = folders.node;
