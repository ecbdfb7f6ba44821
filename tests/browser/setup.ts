// Vitest runs this before each test file with a browser.

import { afterEach } from 'vitest';
import { closePages } from './support.ts';

afterEach(closePages);
