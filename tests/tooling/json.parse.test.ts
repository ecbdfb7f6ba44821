// JSON from outside of the process goes through parseJson, because JSON.parse rounds numbers that a double cannot hold.

import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Files that may parse JSON themselves, with the reason. */
const ALLOWED: Readonly<Record<string, string>> = {
  'functions/_shared/text/json-numbers.ts': 'It has the functions that all others use.',
  'functions/_shared/env/env.ts': 'A map of names to texts.',
  'functions/_shared/expressions/regex.ts':
    'Offsets and groups of a match, which the sandbox wrote.',
  'functions/worker/models/events.ts':
    'Pieces of a streamed response: texts, tool calls and counts of tokens.',
  'functions/worker/models/provider.ts': 'The body of a refused request, which is only shown.',
  'functions/worker/steps/code-sandbox.ts': 'Lines of text, which the sandbox wrote.',
  'functions/worker/steps/request-body.ts':
    'Only checks that a text is JSON; the text is sent as it is.',
  'functions/worker/tracing/exporter.ts': 'The answer of a collector: a small count.',
};

test('JSON from outside is parsed by parseJson', () => {
  const sources = globSync('functions/**/*.ts', { cwd: ROOT }).filter(
    (file) => !file.endsWith('.test.ts') && !file.endsWith('testing.ts'),
  );
  expect(sources.length).toBeGreaterThan(100);
  const parsing = sources.filter((file) =>
    /\bJSON\.parse\(|\.json\(\)|\{\s*parse\b.*=\s*JSON\b/.test(
      readFileSync(join(ROOT, file), 'utf8'),
    ),
  );
  expect(parsing.sort()).toEqual(Object.keys(ALLOWED).sort());
});
