// The permissions that pages ask for exist: a misspelt name would hide an action from everyone.

import { globSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const root = new URL('../../', import.meta.url);
const read = (path: string) => readFileSync(new URL(path, root), 'utf8');

test('every permission of a page is one of the table user_roles', () => {
  const known = new Set(
    [...read('docs/reference/permissions.md').matchAll(/^\| `([a-z]+:[a-z]+)`/gm)].map(
      ([, name]) => name,
    ),
  );
  expect(known.size).toBeGreaterThan(20);
  const asked = globSync('web/src/**/*.{ts,tsx}', { cwd: root }).flatMap((file) =>
    [
      ...read(file).matchAll(/(?:useMay\(|permissions\.has\(|permission[=:] ?)['"]([^'"]+)['"]/g),
    ].map(([, name]) => `${file}: ${name}`),
  );
  expect(asked.length).toBeGreaterThan(5);
  expect(asked.filter((each) => !known.has(each.split(': ')[1] ?? ''))).toEqual([]);
});
