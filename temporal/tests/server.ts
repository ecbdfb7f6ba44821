// One server of Temporal for all test files.

import type { TestProject } from 'vitest/node';
import { startServer } from '../server/server.ts';

declare module 'vitest' {
  interface ProvidedContext {
    temporalAddress: string;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const server = await startServer({ say: console.log });
  project.provide('temporalAddress', server.address);
  return () => server.stop();
}
