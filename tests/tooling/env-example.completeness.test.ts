// .env.example lists every variable that the functions parse or the web client reads, and their other names; each
// in a section; and it parses unchanged.
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { envAliases, REDIS_ALIAS } from '../../functions/_shared/env/aliases.ts';
import { envVariables, parseEnv, SECRET_PREFIX } from '../../functions/_shared/env/env.ts';
import { environmentPage, sectionsOf } from '../../scripts/docs/environment.ts';
import { ROOT } from '../../scripts/stack/options.ts';
import { WEB_VARIABLES } from '../../web/src/shared/settings.ts';

const text = readFileSync(new URL('../../.env.example', import.meta.url), 'utf8');
const entries = text
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'))
  .map((line): [string, string] => {
    const [, name = '', value = ''] = /^([A-Z0-9_]+)=(.*)$/.exec(line) ?? [];
    return [name, value];
  });

const wanted = [
  ...Object.keys(envVariables),
  ...WEB_VARIABLES,
  ...Object.keys(envAliases),
  REDIS_ALIAS,
];

describe('.env.example', () => {
  it('lists exactly the variables of the schema and of the web client, and their other names', () => {
    const named = entries.map(([name]) => name).filter((name) => !name.startsWith(SECRET_PREFIX));
    expect(named.sort()).toEqual([...wanted].sort());
  });

  it('has an example of a secret of a workflow', () => {
    expect(entries.some(([name]) => name.startsWith(SECRET_PREFIX))).toBe(true);
  });

  it('parses unchanged', () => {
    const env = parseEnv(Object.fromEntries(entries));
    expect(env.worker.mode).toBe('invocation');
    expect(env.redis).toBeUndefined();
  });

  it('shows the default if it gives a value', () => {
    const given = Object.fromEntries(entries);
    const least = { DATABASE_URL: given.DATABASE_URL, SUPABASE_URL: given.SUPABASE_URL };
    expect(parseEnv(given)).toEqual(parseEnv(least));
  });

  it('has every variable in a section, so that docs/reference/environment.md shows it', () => {
    const named = sectionsOf(text).flatMap(({ names }) => names);
    expect(named.filter((name) => !name.startsWith(SECRET_PREFIX)).sort()).toEqual(
      [...wanted].sort(),
    );
    const page = environmentPage();
    expect(wanted.filter((name) => !page.includes(`| \`${name}\` |`))).toEqual([]);
  });

  it('has the variables of the embedded stack on the page', () => {
    const sources = globSync('scripts/stack/**/*.ts', { cwd: ROOT }).map((file) =>
      readFileSync(join(ROOT, file), 'utf8'),
    );
    const read = sources.flatMap((source) =>
      [...source.matchAll(/process\.env\.(STEPBASE_\w+)/g)].map(([, name]) => name ?? ''),
    );
    expect(read).not.toEqual([]);
    const page = environmentPage();
    expect(read.filter((name) => !page.includes(`| \`${name}\` |`))).toEqual([]);
  });

  it('describes every variable in the schema', () => {
    const undescribed = Object.entries(envVariables).filter(([, type]) => !type.description);
    expect(undescribed.map(([name]) => name)).toEqual([]);
  });
});
