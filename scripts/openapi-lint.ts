// Lints docs/reference/openapi.json with the rules of Redocly; part of `npm run check`. It needs no network.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createConfig, lintFromString } from '@redocly/openapi-core';
import { ROOT } from './stack/options.ts';

const FILE = join('docs', 'reference', 'openapi.json');

/** The recommended rules, all as errors, with these exceptions. */
const RULES = {
  // /v1/workflows/validate and /v1/runs/redrive have other methods than the paths with a parameter in their place.
  'no-ambiguous-paths': 'off',
  // The address of the project is a variable of the server.
  'no-server-example.com': 'off',
  'operation-4xx-response': 'off',
} as const;

const config = await createConfig({ extends: ['recommended-strict'], rules: RULES });
const problems = await lintFromString({
  source: readFileSync(join(ROOT, FILE), 'utf8'),
  absoluteRef: join(ROOT, FILE),
  config,
});
for (const { ruleId, message, location } of problems) {
  console.log(`${ruleId}: ${message} (${location[0]?.pointer ?? '#/'})`);
}
if (problems.length > 0) {
  console.log(`${FILE} has ${problems.length} problems`);
  process.exitCode = 1;
} else {
  console.log(`ok ${FILE}`);
}
