// `npm run help` lists every command of package.json in one line, and every command installs its dependencies.

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { GROUPS, helpText } from '../../scripts/help.ts';

const { scripts } = JSON.parse(
  readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
) as { scripts: Record<string, string> };
const names = Object.keys(scripts);
/** npm runs `preX` before `X` by itself. */
const isHook = (name: string) => name.startsWith('pre') && names.includes(name.slice(3));
const commands = names.filter((name) => !isHook(name));
const listed = GROUPS.flatMap((group) => Object.entries(group.commands));

test('help lists every command once, and no others', () => {
  expect(listed.map(([name]) => name).sort()).toEqual(commands.sort());
});

test('each description is one line that starts with a verb', () => {
  for (const [name, text] of listed) expect(text, name).toMatch(/^[a-z]+ .{5,85}$/);
  for (const line of helpText().split('\n')) expect(line.length, line).toBeLessThanOrEqual(115);
});

test('every command installs the dependencies first', () => {
  for (const name of commands)
    expect(scripts[`pre${name}`], name).toBe('node scripts/prestart.mjs');
});

test('every npm command that the guides mention exists', () => {
  for (const page of ['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md']) {
    const text = readFileSync(new URL(`../../${page}`, import.meta.url), 'utf8');
    const mentioned = [...text.matchAll(/npm run ([a-z][a-z:]*)/g)].map(([, name]) => name);
    for (const name of mentioned) expect(commands, page).toContain(name);
  }
});
