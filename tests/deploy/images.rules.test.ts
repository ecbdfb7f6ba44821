// The images and the build context keep the rules: pinned versions, several stages, no root, a health check, no secret.

import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ROOT } from '../../scripts/stack/options.ts';
import { contextFiles, parseDockerfile, readDockerfile } from '../support/dockerfile.ts';

const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');
const files = globSync('deploy/*.Dockerfile', { cwd: ROOT }).sort();
const { packages } = JSON.parse(read('package-lock.json')) as {
  packages: Record<string, { version?: string }>;
};
const versionOf = (name: string) => packages[`node_modules/${name}`]?.version;

test('there is an image for the functions, the gateway and the web client', () => {
  expect(files).toEqual([
    'deploy/functions.Dockerfile',
    'deploy/gateway.Dockerfile',
    'deploy/web.Dockerfile',
  ]);
});

describe.each(files)('%s', (file) => {
  const instructions = readDockerfile(file);
  const of = (keyword: string) =>
    instructions.filter((one) => one.keyword === keyword).map(({ text }) => text);

  test('has a build stage and a last stage with a pinned base', () => {
    const bases = of('FROM').map((text) => text.split(' ')[0] ?? '');
    expect(bases.length).toBeGreaterThanOrEqual(2);
    for (const base of bases) expect(base).toMatch(/^[a-z]+(\/[a-z]+)?:\S*\d+\.\d+\.\d+/);
  });

  test('has the Node and the Deno of the lock file', () => {
    for (const base of of('FROM')) {
      const [image = '', version = ''] = base.split(/[: ]/);
      if (image === 'node') expect(version).toBe(`${versionOf('node')}-bookworm-slim`);
      if (image === 'denoland/deno') {
        expect(version.split('-').at(-1)).toBe(versionOf('deno'));
      }
    }
  });

  test('runs as a user without rights, from an array, with a health check', () => {
    const last = instructions.slice(instructions.findLastIndex((one) => one.keyword === 'FROM'));
    const text = (keyword: string) => last.findLast((one) => one.keyword === keyword)?.text ?? '';
    expect(text('USER')).toMatch(/^[1-9]\d{2,}:[1-9]\d{2,}$/);
    expect(JSON.parse(text('CMD'))).toBeInstanceOf(Array);
    expect(text('HEALTHCHECK')).toMatch(/CMD \["/);
    expect(last.map((one) => one.keyword)).toContain('EXPOSE');
    // As root, only the folder for data is made.
    expect(of('ADD')).toEqual([]);
  });
});

test('comments and continued lines of a Dockerfile are read as Docker reads them', () => {
  expect(parseDockerfile('# one\nFROM a:1 AS b\nRUN x \\\n  # inside\n  && y\n')).toEqual([
    { keyword: 'FROM', text: 'a:1 AS b' },
    { keyword: 'RUN', text: 'x && y' },
  ]);
});

describe('the build context', () => {
  const context = contextFiles();

  test('has what the images copy', () => {
    for (const file of files) {
      for (const { keyword, text } of readDockerfile(file)) {
        if (keyword !== 'COPY' || text.startsWith('--from')) continue;
        for (const path of text.split(' ').slice(0, -1)) {
          const prefix = path.replace(/\$\{FUNCTION\}/, 'worker');
          expect(
            context.some((name) => name === prefix || name.startsWith(`${prefix}/`)),
            `${file}: ${path}`,
          ).toBe(true);
        }
      }
    }
  });

  test('has no tests, no environment, no history, and nothing else', () => {
    expect(context.filter((name) => name.endsWith('.test.ts'))).toEqual([]);
    expect(context.filter((name) => /(^|\/)\.env/.test(name))).toEqual([]);
    const roots = new Set(context.map((name) => name.split('/')[0]));
    expect([...roots].sort()).toEqual([
      'deno.json',
      'deploy',
      'docs',
      'functions',
      'package-lock.json',
      'package.json',
      'scripts',
      'sdk',
      'supabase',
      'tsconfig.base.json',
      'tsconfig.web.json',
      'types',
      'web',
    ]);
  });
});
