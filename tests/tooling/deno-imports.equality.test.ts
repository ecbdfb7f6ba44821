// A hosted deployment resolves every import (functions/*/deno.json) to the version that runs locally
// (package-lock.json).
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  bareImports,
  configFile,
  FUNCTIONS,
  splitSpecifier,
  wantedConfig,
} from '../../scripts/deno-imports.ts';

const ROOT = new URL('../../', import.meta.url);

describe('deno.json of each function', () => {
  it('exists for every function', () => {
    const folders = readdirSync(new URL('functions/', ROOT)).filter((name) =>
      existsSync(new URL(`functions/${name}/index.ts`, ROOT)),
    );
    expect(folders.sort()).toEqual([...FUNCTIONS].sort());
  });

  it.each(FUNCTIONS)('%s maps its imports to the locked versions', async (name) => {
    const written: unknown = JSON.parse(readFileSync(configFile(name), 'utf8'));
    expect(written).toEqual(await wantedConfig(name));
    expect((await bareImports(`functions/${name}/index.ts`)).length).toBeGreaterThan(3);
  });

  it('distinguishes packages from their subpaths', () => {
    expect(splitSpecifier('hono/cors')).toEqual(['hono', '/cors']);
    expect(splitSpecifier('@upstash/redis')).toEqual(['@upstash/redis', '']);
    expect(splitSpecifier('@scope/name/deep/er')).toEqual(['@scope/name', '/deep/er']);
  });
});
