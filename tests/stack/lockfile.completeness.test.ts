// `npm ci` accepts the lock file on every platform and with any registry.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type Lock, missingEntries, platformOf } from '../../scripts/complete-lock.ts';
import { ROOT } from '../../scripts/stack/options.ts';

const text = readFileSync(join(ROOT, 'package-lock.json'), 'utf8');

test('package-lock.json contains the programs of every platform (otherwise run node scripts/complete-lock.ts)', () => {
  expect(Object.keys(missingEntries(JSON.parse(text) as Lock))).toEqual([]);
});

test('no entry names its download URL', () => {
  expect(text).not.toContain('"resolved": "http');
});

test('the names of platform packages contain their platform', () => {
  expect(platformOf('@deno/linux-arm64-glibc')).toEqual({
    os: ['linux'],
    cpu: ['arm64'],
    libc: ['glibc'],
  });
  expect(platformOf('@supabase/cli-windows-x64')).toEqual({ os: ['win32'], cpu: ['x64'] });
  expect(platformOf('fsevents')).toBeUndefined();
});

test('an alias is completed with the name in the registry', () => {
  const optionalDependencies = {
    'old-linux-x64': 'npm:@tool/linux-x64-glibc@1.2.3',
    'old-darwin-arm64': 'npm:@tool/darwin-arm64@1.2.3',
  };
  const packages = { '': { optionalDependencies }, 'node_modules/old-linux-x64': {} };
  expect(missingEntries({ packages })).toEqual({
    'node_modules/old-darwin-arm64': {
      name: '@tool/darwin-arm64',
      version: '1.2.3',
      cpu: ['arm64'],
      optional: true,
      os: ['darwin'],
    },
  });
});
