// What the pages say about routes, errors and functions is what the code has.
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { userTokenVerifier } from '../../functions/_shared/auth/index.ts';
import { openDb } from '../../functions/_shared/engine/db.ts';
import { parseEnv } from '../../functions/_shared/env/env.ts';
import { ERRORS, SQLSTATES } from '../../functions/_shared/errors/index.ts';
import { createLog } from '../../functions/_shared/log/log.ts';
import { openBus } from '../../functions/_shared/redis/bus.ts';
import { createApp } from '../../functions/api/app.ts';
import { FUNCTIONS } from '../../scripts/deno-imports.ts';

const ROOT = new URL('../../', import.meta.url);
const page = (path: string) => readFileSync(new URL(path, ROOT), 'utf8');

/** The routes of the app, built as index.ts builds it; nothing is called, so nothing is connected. */
function routes(): string[] {
  const env = parseEnv({
    DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none',
    SUPABASE_URL: 'http://127.0.0.1:1',
  });
  const log = createLog({ level: 'error' });
  const app = createApp({
    db: openDb({ connectionString: env.database.url, max: 1, applicationName: 'docs' }),
    bus: openBus(undefined, log),
    log,
    identify: {
      verifyUserToken: userTokenVerifier(env.jwt),
      findApiKey: () => Promise.resolve(undefined),
      publishableKeys: [],
      secretKeys: [],
    },
    settings: env.api,
  });
  const own = app.routes.filter(({ method }) => method !== 'ALL');
  return [...new Set(own.map(({ method, path }) => `${method} ${path.replace(/^\/api/, '')}`))];
}

describe('the pages', () => {
  it('README lists every route of the HTTP API and no other', () => {
    const [, table = ''] =
      /\| HTTP API[^\n]*\n\|---\|---\|\n((?:\|.*\n)+)/.exec(page('README.md')) ?? [];
    const listed = table.split('\n').flatMap((row) => {
      const [cell = ''] = row.split('|').slice(1);
      const paths = [...cell.matchAll(/`(?:(GET|POST) )?([^`]+)`/g)];
      return paths.map(([, method, path = ''], index) => {
        const [, first = ''] = paths[0]?.[0].match(/(GET|POST)/) ?? [];
        const before = paths[index - 1]?.[2] ?? '';
        return `${method ?? first} ${path.replace('…', before.replace(/\/[^/]*$/, ''))}`;
      });
    });
    expect(listed.sort()).toEqual(routes().sort());
  });

  it('docs/operations.md lists every SQLSTATE of ours with its code and status', () => {
    const rows = [...page('docs/operations.md').matchAll(/^\| (SB\d+) \| `(\w+)` \| (\d+) \|$/gm)];
    const ours = Object.entries(SQLSTATES).filter(([state]) => state.startsWith('SB'));
    expect(rows.map(([, state, code, status]) => [state, code, Number(status)]).sort()).toEqual(
      ours.map(([state, code]) => [state, code, ERRORS[code].status]).sort(),
    );
  });

  it('the links of the pages lead somewhere', () => {
    for (const name of ['README.md', 'docs/operations.md', 'docs/workflows.md']) {
      const links = [...page(name).matchAll(/\]\((?!https?:)([^)#]+)\)/g)];
      for (const [, link = ''] of links) {
        expect(existsSync(new URL(link, new URL(name, ROOT))), `${name}: ${link}`).toBe(true);
      }
    }
  });
});

describe('supabase/config.toml', () => {
  it.each(FUNCTIONS)(
    'declares the function %s where it is, and lets it verify callers itself',
    (name) => {
      const section =
        page('supabase/config.toml').split(`[functions.${name}]`)[1]?.split('\n[')[0] ?? '';
      expect(section).toContain('verify_jwt = false');
      for (const [key, file] of [
        ['entrypoint', `functions/${name}/index.ts`],
        ['import_map', `functions/${name}/deno.json`],
      ]) {
        expect(section).toContain(`${key} = "../${file}"`);
        expect(existsSync(new URL(file ?? '', ROOT))).toBe(true);
      }
    },
  );
});
