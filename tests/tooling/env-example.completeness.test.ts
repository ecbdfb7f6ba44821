// .env.example and docs/operations.md name every variable that the functions parse and no other;
// .env.example parses as it stands.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { envVariables, parseEnv, SECRET_PREFIX } from '../../functions/_shared/env/env.ts';

const text = readFileSync(new URL('../../.env.example', import.meta.url), 'utf8');
const entries = text
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'))
  .map((line): [string, string] => {
    const [, name = '', value = ''] = /^([A-Z0-9_]+)=(.*)$/.exec(line) ?? [];
    return [name, value];
  });

describe('.env.example', () => {
  it('names exactly the variables of the schema', () => {
    const named = entries.map(([name]) => name).filter((name) => !name.startsWith(SECRET_PREFIX));
    expect(named.sort()).toEqual(Object.keys(envVariables).sort());
  });

  it('shows how secrets of workflows are named', () => {
    expect(entries.some(([name]) => name.startsWith(SECRET_PREFIX))).toBe(true);
  });

  it('parses as it stands', () => {
    const env = parseEnv(Object.fromEntries(entries));
    expect(env.worker.mode).toBe('invocation');
    expect(env.redis).toBeUndefined();
  });

  it('shows the defaults where it gives a value', () => {
    const given = Object.fromEntries(entries);
    const least = { DATABASE_URL: given.DATABASE_URL, SUPABASE_URL: given.SUPABASE_URL };
    expect(parseEnv(given)).toEqual(parseEnv(least));
  });

  it('has the same variables, with the same meaning, in docs/operations.md', () => {
    const page = readFileSync(new URL('../../docs/operations.md', import.meta.url), 'utf8');
    const rows = [...page.matchAll(/^\| `([A-Z_]+)` \|[^|]*\| (.*) \|$/gm)];
    expect(rows.map(([, name, meaning]) => [name, meaning])).toEqual(
      Object.entries(envVariables).map(([name, type]) => [name, type.description]),
    );
  });

  it('describes every variable in the schema', () => {
    const undescribed = Object.entries(envVariables).filter(([, type]) => !type.description);
    expect(undescribed.map(([name]) => name)).toEqual([]);
  });
});
