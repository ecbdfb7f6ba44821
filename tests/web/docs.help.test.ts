// The help links of pages: each names a page of docs/ that exists, and the build renders it with links that work.

import { existsSync, globSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { linkFrom, renderPage } from '../../web/build/docs.ts';

const root = new URL('../../', import.meta.url);
const read = (path: string) => readFileSync(new URL(path, root), 'utf8');

test('every help link names a page of the docs', () => {
  const links = globSync('web/src/**/*.tsx', { cwd: root }).flatMap((file) =>
    [...read(file).matchAll(/\bhelp="([^"]+)"/g)].map(([, page]) => `${page}`),
  );
  expect(links.length).toBeGreaterThan(10);
  const missing = links.filter((page) => !existsSync(new URL(`docs/${page}.md`, root)));
  expect(missing).toEqual([]);
});

test('links lead to rendered pages, and files outside of the docs are text', () => {
  expect(linkFrom('guides/a.md', '../concepts/b.md#the-part')).toBe('../concepts/b.html#the-part');
  expect(linkFrom('guides/a.md', '#here')).toBe('#here');
  expect(linkFrom('index.md', 'https://example.com/x.md')).toBe('https://example.com/x.md');
  expect(linkFrom('guides/a.md', '../../README.md')).toBeUndefined();
});

test('a page has its title, the fragments of its headings, and tables that scroll', () => {
  const page = renderPage('guides/find-runs.md', read('docs/guides/find-runs.md'));
  expect(page).toContain('<title>Find runs · Stepbase docs</title>');
  expect(page).toContain('href="../docs.css"');
  expect(page).not.toMatch(/href="[^":]*\.md/);
  const made = renderPage('x.md', '# A `b`\n\n## How do I *do* it?\n\n| a |\n|---|\n| [m](y.md) |');
  expect(made).toContain('<title>A b · Stepbase docs</title>');
  expect(made).toContain('<h2 id="how-do-i-do-it">');
  expect(made).toContain('<div class="scroll" tabindex="0"><table>');
  expect(made).toContain('<a href="y.html">m</a>');
});
