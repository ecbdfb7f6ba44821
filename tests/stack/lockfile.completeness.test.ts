// A lock file that `npm ci` accepts on every platform, and that ties nobody to one registry.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type Lock, missingEntries, platformOf } from '../../scripts/complete-lock.ts';
import { ROOT } from '../../scripts/stack/options.ts';

const text = readFileSync(join(ROOT, 'package-lock.json'), 'utf8');

test('every platform’s programs are in package-lock.json (else: node scripts/complete-lock.ts)', () => {
  expect(Object.keys(missingEntries(JSON.parse(text) as Lock))).toEqual([]);
});

test('no entry names where it was downloaded from', () => {
  expect(text).not.toContain('"resolved": "http');
});

test('the names of platform packages say what they run on', () => {
  expect(platformOf('@deno/linux-arm64-glibc')).toEqual({
    os: ['linux'],
    cpu: ['arm64'],
    libc: ['glibc'],
  });
  expect(platformOf('@supabase/cli-windows-x64')).toEqual({ os: ['win32'], cpu: ['x64'] });
  expect(platformOf('fsevents')).toBeUndefined();
});
