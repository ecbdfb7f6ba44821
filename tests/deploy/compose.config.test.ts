// The compose files as `docker compose config` reads them: parsed, merged, interpolated. The long test
// tests/long/compose.config.test.ts compares this reading with that of Docker Compose.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ROOT } from '../../scripts/stack/options.ts';
import { COMPOSE_FILES, InterpolationError, interpolate, readCompose } from '../support/compose.ts';

describe.each(Object.entries(COMPOSE_FILES))('%s', (file, { env, required }) => {
  const compose = readCompose(file, env);
  const services = Object.entries(compose.services);
  const text = readFileSync(join(ROOT, file), 'utf8');

  test('names its project and services', () => {
    expect(compose.name).toBe('stepbase');
    for (const name of ['api', 'worker', 'web']) expect(compose.services).toHaveProperty(name);
  });

  test('is refused without any one of the values that it requires', () => {
    const named = new Set([...text.matchAll(/\$\{([A-Z_]+):\?/g)].map(([, name]) => name));
    expect([...named].sort()).toEqual([...required].sort());
    for (const name of required) {
      const { [name]: _, ...others } = env;
      for (const without of [others, { ...others, [name]: '' }]) {
        expect(() => readCompose(file, without), name).toThrow(InterpolationError);
      }
    }
  });

  test('needs no other value', () => {
    const only = Object.fromEntries(required.map((name) => [name, env[name] ?? '']));
    expect(() => readCompose(file, only)).not.toThrow();
  });

  test('builds from Dockerfiles that exist, and pins the tag of every other image', () => {
    for (const [name, { image, build }] of services) {
      if (build === undefined) expect(image, name).toMatch(/^[a-z/]+:\d+\.\d+(\.\d+)?(-[a-z]+)?$/);
      else {
        expect(image).toBe(`stepbase-${name}`);
        expect(existsSync(join(ROOT, 'deploy', build.context, build.dockerfile))).toBe(true);
      }
    }
  });

  test('has a health check for each service, of its own or of its image', () => {
    for (const [name, { build, healthcheck }] of services) {
      if (build === undefined) {
        expect(healthcheck?.test[0], name).toBe('CMD');
        expect(healthcheck?.retries, name).toBeGreaterThan(0);
      } else {
        const dockerfile = readFileSync(join(ROOT, 'deploy', build.context, build.dockerfile));
        expect(dockerfile.toString(), name).toMatch(/^HEALTHCHECK /m);
      }
    }
  });

  test('depends only on services of the file that have a health check, and never in a circle', () => {
    const reach = (name: string, seen: string[]): void => {
      expect(seen, seen.join(' → ')).not.toContain(name);
      const service = compose.services[name];
      expect(service, name).toBeDefined();
      for (const [other, { condition }] of Object.entries(service?.depends_on ?? {})) {
        expect(condition).toBe('service_healthy');
        reach(other, [...seen, name]);
      }
    };
    for (const [name] of services) reach(name, []);
  });

  test('declares each volume and network that a service uses, and no other', () => {
    const names = services.flatMap(([, { volumes = [] }]) => volumes.map((v) => v.split(':')[0]));
    expect(names.sort()).toEqual(Object.keys(compose.volumes ?? {}).sort());
    const networks = new Set(services.flatMap(([, service]) => service.networks ?? []));
    expect([...networks]).toEqual(Object.keys(compose.networks ?? {}));
  });

  test('publishes each port of the host once, on loopback', () => {
    const published = services.flatMap(([, { ports = [] }]) => ports);
    for (const port of published) expect(port).toMatch(/^127\.0\.0\.1:\d+:\d+$/);
    const hosts = published.map((port) => port.split(':')[1]);
    expect(new Set(hosts).size).toBe(hosts.length);
  });

  test('gives the functions no right of the host', () => {
    for (const name of ['api', 'worker']) {
      expect(compose.services[name]).toMatchObject({
        cap_drop: ['ALL'],
        read_only: true,
        security_opt: ['no-new-privileges:true'],
      });
    }
  });
});

describe('interpolation', () => {
  const word = fc.stringMatching(/^[a-z0-9:/._-]{0,12}$/);

  test('takes the value, or else the default, on every level', () => {
    fc.assert(
      fc.property(word, word, word, word, (before, outer, inner, fallback) => {
        const env = { A: outer, B: inner };
        const text = `${before}\${A:-\${B:-${fallback}}}`;
        expect(interpolate(text, env)).toBe(before + (outer || inner || fallback));
      }),
    );
  });

  const braces = ['NAME', 'NAME-x', 'NAME:+x'].map((inner) => `\${${inner}}`);
  test.each([...braces, '$NAME', '$'])('refuses %s', (text) => {
    expect(() => interpolate(text, {})).toThrow(InterpolationError);
  });
});
