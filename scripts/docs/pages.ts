// The files that are generated from source files alone, and their generators.

import { cliPage } from './cli.ts';
import { engineMapPage } from './engine-map.ts';
import { environmentPage } from './environment.ts';
import { errorsPage } from './errors.ts';
import { httpApiPage } from './http-api.ts';
import type { GeneratedPage } from './markdown.ts';
import { openApiFile } from './openapi.ts';
import { sdkPages } from './sdk/pages.ts';
import { SDK_CODES_PATH, sdkCodesFile } from './sdk-codes.ts';
import { sdkStepTypesFiles } from './sdk-step-types.ts';

export function filePages(): GeneratedPage[] {
  return [
    { path: 'docs/reference/errors.md', text: errorsPage() },
    { path: 'docs/reference/environment.md', text: environmentPage() },
    { path: 'docs/reference/http-api.md', text: httpApiPage() },
    { path: 'docs/reference/openapi.json', text: openApiFile() },
    { path: 'docs/internals/engine-map.md', text: engineMapPage() },
    { path: 'docs/reference/cli.md', text: cliPage() },
    { path: SDK_CODES_PATH, text: sdkCodesFile() },
    ...sdkStepTypesFiles(),
    ...sdkPages(),
  ];
}
