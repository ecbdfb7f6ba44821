// `npm run test:db`: the pgTAP tests alone, on a fresh database, as TAP (one subtest a file).
// `--stack FILE` uses a running stack (its stack.json) instead of starting one.

import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { createDatabase } from '../stack/databases.ts';
import type { StackInfo } from '../stack/stack.ts';
import { startThrowawayStack } from '../stack/throwaway.ts';
import { pgtapFiles, runTapFile, type TapFile } from './pgtap.ts';

const { values, positionals } = parseArgs({
  options: { stack: { type: 'string' } },
  allowPositionals: true,
});

const indent = (text: string) => text.replaceAll(/^/gm, '    ');

function print(file: TapFile, number: number): void {
  for (const line of file.lines) console.log(`    ${line}`);
  console.log(`${file.failures.length === 0 ? 'ok' : 'not ok'} ${number} - ${file.name}`);
  for (const failure of file.failures) console.log(indent(failure.replaceAll(/^/gm, '# ')));
}

async function run(stack: Pick<StackInfo, 'data_dir' | 'db_url'>): Promise<boolean> {
  const database = await createDatabase(stack, { pgtap: true });
  try {
    const all = await pgtapFiles();
    // Arguments select files by a part of their path; the helpers always run.
    const files = all.filter(
      (name) =>
        name.startsWith('000-') ||
        positionals.length === 0 ||
        positionals.some((part) => name.includes(part)),
    );
    let passed = 0;
    let failed = 0;
    console.log('TAP version 13');
    for (const [index, name] of files.entries()) {
      // Printed before the file runs, so that the output contains the running file when this process is stopped.
      console.log(`# Subtest: ${name}`);
      const file = await runTapFile(database.url, name);
      print(file, index + 1);
      passed += file.passed;
      failed += file.failures.length;
    }
    console.log(`1..${files.length}`);
    console.log(`# ${passed} passed, ${failed} failed`);
    return failed === 0;
  } finally {
    await database.drop();
  }
}

if (values.stack) {
  process.exitCode = (await run(JSON.parse(readFileSync(values.stack, 'utf8')) as StackInfo))
    ? 0
    : 1;
} else {
  const stack = await startThrowawayStack({ functions: false, web: false, seed: false });
  try {
    process.exitCode = (await run(stack.info)) ? 0 : 1;
  } finally {
    await stack.stop();
  }
}
