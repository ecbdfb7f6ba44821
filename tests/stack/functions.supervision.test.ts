// The processes of the functions: restarted after a crash, reachable through the gateway, with filtered output.

import { describe, expect, test } from 'vitest';
import { lineIsShown } from '../../scripts/stack/functions.ts';
import { startThrowawayStack } from '../../scripts/stack/throwaway.ts';
import { stackInfo, waitFor } from '../support/stack.ts';

const get = (url: string, headers: Record<string, string> = {}) =>
  fetch(url, { headers, signal: AbortSignal.timeout(5_000) });

test('a killed function is restarted, and meanwhile the gateway responds with an error', async () => {
  const said: string[] = [];
  const stack = await startThrowawayStack({ web: false }, (line) => said.push(line));
  try {
    const health = `${stack.info.api_url}/functions/v1/stepbase-api/healthz`;
    expect((await get(health)).status).toBe(200);
    const first = stack.functions?.api.pid ?? 0;
    process.kill(first, 'SIGKILL');
    await waitFor('the crash is reported', () =>
      said.some((line) => line.includes('function api ended (SIGKILL)')),
    );
    const during = await get(health);
    expect([200, 503]).toContain(during.status);
    await waitFor('the function responds again', async () => (await get(health)).status === 200);
    expect(stack.functions?.api.pid).not.toBe(first);
  } finally {
    await stack.stop();
  }
});

describe('through the gateway', () => {
  const functions = () => `${stackInfo().api_url}/functions/v1`;

  test('an unknown function is 404, also if its name is a path', async () => {
    for (const name of ['nope', '..%2Fapi', '', 'api2/healthz']) {
      expect((await get(`${functions()}/${name}`)).status).toBe(404);
    }
  });

  test('an unknown service is 404', async () => {
    expect((await get(`${stackInfo().api_url}/graphql/v1`)).status).toBe(404);
  });
});

describe('the output of a function on the console', () => {
  const record = (level: string) => JSON.stringify({ level, message: 'm' });

  test.each([
    [record('info'), 'warn', false],
    [record('warn'), 'warn', true],
    [record('error'), 'error', true],
    [record('warn'), 'error', false],
    [record('debug'), 'debug', true],
    ['error: Uncaught TypeError', 'warn', true],
    ['error: Uncaught TypeError', 'silent', false],
    ['{ not json', 'error', true],
    ['', 'debug', false],
  ] as const)('the line %s at level %s is shown: %s', (line, level, shown) => {
    expect(lineIsShown(line, level)).toBe(shown);
  });
});
