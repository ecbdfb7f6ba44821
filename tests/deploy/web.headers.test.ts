// Every host of the web client sends the security headers of docs/operations/secure.md.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ROOT } from '../../scripts/stack/options.ts';
import { webHeaders } from '../../scripts/stack/web-headers.ts';

const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');
/** The code block of this language that contains the text. */
const blockWith = (page: string, language: string, text: string): string => {
  const blocks = [...page.matchAll(/```(\w+)\n([\s\S]*?)```/g)];
  return blocks.find((block) => block[1] === language && block[2]?.includes(text))?.[2] ?? '';
};

const documented = Object.fromEntries(
  blockWith(read('docs/operations/secure.md'), 'text', 'Content-Security-Policy')
    .trim()
    .split('\n')
    .map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]),
);

test('the documentation lists the headers', () => {
  expect(Object.keys(documented).length).toBeGreaterThanOrEqual(7);
});

test('the Caddyfile sends them, with the address of the start', () => {
  const [, block = ''] = /\n\theader \{\n([\s\S]*?)\n\t\}/.exec(read('deploy/web/Caddyfile')) ?? [];
  const sent = block
    .split('\n')
    .map((line) => /^\t\t([A-Z][\w-]+) (?:"(.*)"|(\S+))$/.exec(line))
    .flatMap((match) => (match === null ? [] : [[match[1], match[2] ?? match[3]]]));
  const policy = documented['Content-Security-Policy']
    ?.replace('https://<ref>.supabase.co', '{$STEPBASE_URL}')
    .replace('wss://<ref>.supabase.co', '{$STEPBASE_WS_URL}');
  expect(Object.fromEntries(sent)).toEqual({ ...documented, 'Content-Security-Policy': policy });
});

test('the vercel.json of the guide sends them', () => {
  const page = read('docs/operations/deploy/vercel.md').replaceAll(/^ {3}/gm, '');
  const { headers } = JSON.parse(blockWith(page, 'json', 'outputDirectory')) as {
    headers: { source: string; headers: { key: string; value: string }[] }[];
  };
  const all = headers.find(({ source }) => source === '/(.*)')?.headers ?? [];
  expect(Object.fromEntries(all.map(({ key, value }) => [key, value]))).toEqual(documented);
});

test('`npm start` sends them, except the one that only HTTPS has', () => {
  const { 'Strict-Transport-Security': _, ...expected } = documented;
  const sent = webHeaders('https://<ref>.supabase.co'.replace('<ref>', 'ref'));
  const comparable = Object.entries(expected).map(([name, value]) => [
    name.toLowerCase(),
    value.replaceAll('<ref>', 'ref'),
  ]);
  expect(sent).toEqual(Object.fromEntries(comparable));
});
