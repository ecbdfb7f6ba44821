// Reads a compose file as `docker compose config` does: YAML with merge keys, then interpolation.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { ROOT } from '../../scripts/stack/options.ts';

export interface Service {
  image: string;
  build?: { context: string; dockerfile: string; args?: Record<string, string> };
  environment?: Record<string, string>;
  depends_on?: Record<string, { condition: string }>;
  healthcheck?: { test: string[]; interval: string; timeout: string; retries: number };
  ports?: string[];
  volumes?: string[];
  networks?: string[];
  env_file?: string[];
  deploy?: { replicas: string };
}

export interface Compose {
  name: string;
  services: Record<string, Service>;
  volumes?: Record<string, unknown>;
  networks?: Record<string, unknown>;
}

export class InterpolationError extends Error {}

/** `${NAME}`, `${NAME:-default}` and `${NAME:?message}`, also nested; anything else with a dollar sign is an error. */
export function interpolate(text: string, env: Record<string, string>): string {
  const plain = /\$\{([A-Za-z_][A-Za-z0-9_]*)(?:(:-|:\?)([^${}]*))?\}/;
  let result = text;
  for (let match = plain.exec(result); match !== null; match = plain.exec(result)) {
    const [whole, name = '', operator, word = ''] = match;
    const value = env[name] ?? '';
    if (value === '' && operator === ':?') throw new InterpolationError(`${name}: ${word}`);
    if (value === '' && operator === undefined && !(name in env)) {
      throw new InterpolationError(`${name} is not set and has no default`);
    }
    const inner = value === '' ? word : value;
    result = result.slice(0, match.index) + inner + result.slice(match.index + whole.length);
  }
  if (result.includes('$')) throw new InterpolationError(`cannot be interpolated: ${result}`);
  return result;
}

function interpolateAll(value: unknown, env: Record<string, string>): unknown {
  if (typeof value === 'string') return interpolate(value, env);
  if (Array.isArray(value)) return value.map((item) => interpolateAll(item, env));
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key, interpolateAll(inner, env)]),
  );
}

/** Values of `env` must not contain a dollar sign. */
export function readCompose(file: string, env: Record<string, string>): Compose {
  const text = readFileSync(join(ROOT, file), 'utf8');
  return interpolateAll(parse(text, { merge: true, strict: true }), env) as Compose;
}

const SECRET = 'a-value-of-the-operator-with-40-characters';
const valuesOf = (names: string[]) => Object.fromEntries(names.map((name) => [name, SECRET]));

const development = [
  'POSTGRES_PASSWORD',
  'STEPBASE_DB_PASSWORD',
  'JWT_SECRET',
  'SUPABASE_PUBLISHABLE_KEY',
  'SUPABASE_SECRET_KEY',
  'UPSTASH_REDIS_REST_TOKEN',
];
const production = [
  'STEPBASE_DB_PASSWORD',
  'ANON_KEY',
  'SERVICE_ROLE_KEY',
  'JWT_SECRET',
  'API_EXTERNAL_URL',
  'SUPABASE_PUBLIC_URL',
];

/** Each file with a complete environment and the variables that it requires. */
export const COMPOSE_FILES: Record<string, { env: Record<string, string>; required: string[] }> = {
  'deploy/compose.yaml': {
    required: development,
    env: { ...valuesOf(development), WORKER_REPLICAS: '3', GATEWAY_PORT: '60001' },
  },
  'deploy/compose.supabase.yaml': {
    required: production,
    env: {
      ...valuesOf(production),
      API_EXTERNAL_URL: 'https://supabase.example',
      SUPABASE_PUBLIC_URL: 'https://supabase.example',
      SITE_URL: 'https://app.example',
    },
  },
};
