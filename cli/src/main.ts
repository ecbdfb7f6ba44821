#!/usr/bin/env node
// The program `stepbase`.
import { run } from './program.ts';

// A reader such as `head` may close standard output early.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
});

process.exitCode = await run(process.argv.slice(2), process);
