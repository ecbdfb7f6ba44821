// The documentation pages: README, CONTRIBUTING and docs/, with the links between them.

import { existsSync, globSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';

const ROOT = new URL('../../', import.meta.url);

const NAMES = ['README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md'];

/** Paths from the root of the repository. */
export const pages: readonly string[] = [
  ...NAMES.filter((name) => existsSync(new URL(name, ROOT))),
  ...globSync('docs/**/*.md', { cwd: ROOT }).sort(),
];

export const read = (path: string): string => readFileSync(new URL(path, ROOT), 'utf8');

export const exists = (path: string): boolean => existsSync(new URL(path, ROOT));

export const sources = (pattern: string): string[] =>
  globSync(pattern, { cwd: ROOT })
    .filter((name) => !name.endsWith('.test.ts'))
    .map(read);

/** Fenced blocks of a language. */
export const blocks = (text: string, language: string): string[] =>
  [...text.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].flatMap(([, name, block = '']) =>
    name === language ? [block] : [],
  );

const withoutCode = (text: string) =>
  text.replaceAll(/^```[\s\S]*?^```$/gm, '').replaceAll(/`[^`\n]*`/g, (code) => code.slice(1, -1));

export interface Link {
  /** Path from the root of the repository. */
  path: string;
  anchor: string | undefined;
}

/** The relative links of a page. */
export function linksOf(page: string): Link[] {
  const found = withoutCode(read(page)).matchAll(/\]\((?![a-z]+:)([^)\s]+)\)/g);
  return [...found].map(([, target = '']) => {
    const [path = '', anchor] = target.split('#');
    return { path: path === '' ? page : posix.join(posix.dirname(page), path), anchor };
  });
}

/** The anchors of a page, as GitHub derives them from its headings. */
export function anchorsOf(page: string): Set<string> {
  const headings = withoutCode(read(page)).matchAll(/^#{1,6} +(.+?) *$/gm);
  const anchors = new Set<string>();
  for (const [, heading = ''] of headings) {
    const text = heading.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase();
    const slug = text.replaceAll(/[^\p{L}\p{N}_ -]/gu, '').replaceAll(' ', '-');
    let name = slug;
    for (let count = 1; anchors.has(name); count += 1) name = `${slug}-${count}`;
    anchors.add(name);
  }
  return anchors;
}

/** Every page that can be reached from `start`, with the number of links that it takes. */
export function distancesFrom(start: string): Map<string, number> {
  const distances = new Map([[start, 0]]);
  for (const [page, distance] of distances) {
    if (!page.endsWith('.md') || !exists(page)) continue;
    for (const { path } of linksOf(page)) {
      if (!distances.has(path)) distances.set(path, distance + 1);
    }
  }
  return distances;
}
