// What the README says about Node: code that uses supabase-js needs a version with a WebSocket, and the SDK states it.

import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { read } from './docs-pages.ts';

const CREATE = `
  import { createClient } from '@supabase/supabase-js';
  createClient('http://127.0.0.1:1', 'sb_publishable_x');
`;

/** Node without its WebSocket, as versions before 22 are. */
function create(...options: string[]) {
  return spawnSync(process.execPath, [...options, '--input-type=module', '--eval', CREATE], {
    cwd: new URL('../../', import.meta.url),
    encoding: 'utf8',
  });
}

test('the README and the SDK name the Node version that supabase-js needs', () => {
  const [, version] = /uses supabase-js needs Node\s+(\d+)/.exec(read('README.md')) ?? [];
  const { engines } = JSON.parse(read('sdk/package.json')) as { engines: { node: string } };
  expect(engines.node).toBe(`>=${version}`);
  expect(Number(version)).toBeGreaterThanOrEqual(22);

  expect(create().stderr).toBe('');
  const without = create('--no-experimental-websocket');
  expect(without.stderr).toContain('WebSocket');
  expect(without.status).not.toBe(0);
});
