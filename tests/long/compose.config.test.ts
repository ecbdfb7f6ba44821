// `docker compose config` for both compose files, if Docker Compose 2 or later is installed (it needs no engine). Its
// result equals what tests/deploy/compose.config.test.ts reads.

import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ROOT } from '../../scripts/stack/options.ts';
import { COMPOSE_FILES, type Compose, readCompose } from '../support/compose.ts';

const isSupported = (version: string) => /^v?([2-9]|\d{2,})\./.test(version);

/** The commands that are Docker Compose 2 or later: the plugin of the docker command, or the program alone. */
const COMMANDS = [['docker', 'compose'], ['docker-compose']].filter(([program = '', ...args]) => {
  const { stdout } = spawnSync(program, [...args, 'version', '--short'], { encoding: 'utf8' });
  return isSupported(stdout ?? '');
});

test.each([
  ['2.40.3', true],
  ['v2.1.0', true],
  ['10.0.0', true],
  ['1.29.2', false],
  ['', false],
])('version %j of Docker Compose: %s', (version, expected) => {
  expect(isSupported(version)).toBe(expected);
});

let folder: string;
beforeAll(() => {
  // A copy: deploy/.env of a developer does not matter.
  folder = mkdtempSync(join(tmpdir(), 'stepbase-compose-'));
  mkdirSync(join(folder, 'deploy'));
  for (const file of Object.keys(COMPOSE_FILES)) cpSync(join(ROOT, file), join(folder, file));
  writeFileSync(join(folder, 'deploy', '.env'), 'LOG_LEVEL=warn\n');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.each(COMMANDS.map((words) => ({ words })))(
  '$words',
  ({ words: [program = '', ...args] }) => {
    const config = (file: string, env: Record<string, string>) =>
      spawnSync(program, [...args, '--file', join(folder, file), 'config', '--format', 'json'], {
        env: { PATH: process.env.PATH ?? '', HOME: folder, ...env },
        encoding: 'utf8',
      });

    test.each(Object.entries(COMPOSE_FILES))('accepts %s as it is read here', (file, { env }) => {
      const { stdout, stderr } = config(file, env);
      expect(stderr).toBe('');
      const actual = JSON.parse(stdout) as Compose;
      const expected = readCompose(file, env);
      expect(Object.keys(actual.services).sort()).toEqual(Object.keys(expected.services).sort());
      for (const [name, service] of Object.entries(expected.services)) {
        const { image, environment: given, depends_on, deploy } = service;
        expect(actual.services[name], name).toMatchObject({
          image,
          ...(given === undefined ? {} : { environment: given }),
          ...(depends_on === undefined ? {} : { depends_on }),
          ...(deploy === undefined ? {} : { deploy: { replicas: Number(deploy.replicas) } }),
        });
      }
      expect(actual.services.worker?.environment?.LOG_LEVEL).toBe('warn');
    });

    test.each(Object.entries(COMPOSE_FILES))(
      'refuses %s without a value that it requires',
      (file, { env, required }) => {
        for (const name of required) {
          const { status, stderr } = config(file, { ...env, [name]: '' });
          expect(status, name).not.toBe(0);
          expect(stderr).toContain(`required variable ${name} is missing`);
        }
      },
    );
  },
);
