// Every address that a page leads to is one of the route map.

import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect, test } from 'vitest';
import { ROOT } from '../../scripts/stack/options.ts';

const SOURCES = join(ROOT, 'web', 'src');
/** Outside of applications, and the code that joins addresses. */
const WITHOUT_PAGES = /^(auth|shell)\/|^App\.tsx$|^shared\/(address|docs)\.tsx?$/;

const routes = [
  ...readFileSync(join(SOURCES, 'shell', 'pages.ts'), 'utf8').matchAll(/path: '([^']+)'/g),
].map(([, path = '']) => new RegExp(`^${path.replaceAll(/\$\w+/g, '[^/]+')}$`));

interface Address {
  file: string;
  path: string;
}

/** Literals that begin with a slash and a word; a value in a template is one part of the path. */
function addressesOf(file: string): Address[] {
  const text = readFileSync(join(SOURCES, file), 'utf8').replaceAll(
    /^\s*(\/\/|\/?\*|import ).*$/gm,
    '',
  );
  return [...text.matchAll(/(['"`])(\/[a-z][^'"`\s]*)\1/g)].flatMap(([, , literal = '']) => {
    const path = literal.replaceAll(/\$\{[^}]*\}/g, 'x').replace(/\?.*$/, '');
    return [{ file, path }];
  });
}

const addresses = globSync('**/*.{ts,tsx}', { cwd: SOURCES })
  .filter((file) => !WITHOUT_PAGES.test(file))
  .flatMap(addressesOf)
  // Paths of the HTTP API, and places in a definition.
  .filter(({ path }) => !/^\/(functions|task-links|invitations|v1|hooks|nodes|data)\//.test(path));

test('every address that a page leads to is a page', () => {
  expect(addresses.length).toBeGreaterThan(60);
  const lost = addresses.filter(({ path }) => !routes.some((route) => route.test(path)));
  expect(lost.map(({ file, path }) => `${basename(file)}: ${path}`)).toEqual([]);
});
