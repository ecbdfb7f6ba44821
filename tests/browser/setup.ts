// Vitest runs this before each test file with a browser.

import { afterEach } from 'vitest';
import { closePages, printPages } from './support.ts';

afterEach(async ({ task }) => {
  if (task.result?.state === 'fail') await printPages();
  await closePages();
});
