// What the API tests share: an API process of their own beside the stack (so that they can sign any
// token and take Redis away), people of the seed, and small workflows.
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { SignJWT } from 'jose';
import pg from 'pg';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const START_MS = 20_000;
const JWT_SECRET = `a secret of these tests only ${randomUUID()}`;
const ISSUER = 'http://stepbase.test/auth/v1';

export interface Person {
  id: string;
  app: string;
}

export const PEOPLE = {
  acmeAdmin: { id: '00000000-0000-4000-8000-0000000000a1', app: 'acme' },
  acmeViewer: { id: '00000000-0000-4000-8000-0000000000a3', app: 'acme' },
  globexAdmin: { id: '00000000-0000-4000-8000-0000000000b1', app: 'globex' },
} satisfies Record<string, Person>;

export interface TokenOptions {
  secret?: string;
  issuer?: string;
  expiresAt?: number;
}

export function signToken(person: Person, options: TokenOptions = {}): Promise<string> {
  return new SignJWT({ role: 'authenticated', app_code: person.app })
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject(person.id)
    .setIssuer(options.issuer ?? ISSUER)
    .setAudience('authenticated')
    .setExpirationTime(options.expiresAt ?? '10m')
    .sign(new TextEncoder().encode(options.secret ?? JWT_SECRET));
}

export interface Api {
  url: string;
  stop(): Promise<void>;
}

/** Starts functions/api as its own process; `env` is added to what it needs. */
export async function startApi(dbUrl: string, env: Record<string, string> = {}): Promise<Api> {
  const child = spawn(
    `${ROOT}node_modules/.bin/deno`,
    ['run', '--allow-net', '--allow-env', '--allow-read', 'functions/api/index.ts'],
    {
      cwd: ROOT,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        PATH: process.env.PATH ?? '',
        HOME: process.env.HOME ?? '',
        DENO_NO_UPDATE_CHECK: '1',
        DATABASE_URL: dbUrl,
        SUPABASE_URL: 'http://stepbase.test',
        SUPABASE_PUBLISHABLE_KEY: 'sb_publishable_api_tests',
        SUPABASE_SECRET_KEY: 'sb_secret_api_tests',
        JWT_SECRET,
        STEPBASE_DB_POOL: '3',
        PORT: '0',
        ...env,
      },
    },
  );
  const port = await listeningPort(child);
  return {
    url: `http://127.0.0.1:${port}/api`,
    stop: () =>
      new Promise((done) => {
        child.once('exit', () => done());
        if (child.exitCode !== null) return done();
        child.kill('SIGTERM');
        setTimeout(() => child.kill('SIGKILL'), 5_000).unref();
      }),
  };
}

function listeningPort(child: ChildProcess): Promise<number> {
  return new Promise((done, fail) => {
    const output: string[] = [];
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      fail(new Error(`functions/api did not start:\n${output.join('\n')}`));
    }, START_MS);
    for (const stream of [child.stdout, child.stderr]) {
      if (stream === null) continue;
      createInterface(stream).on('line', (line) => {
        output.push(line);
        const port = /"message":"listening".*"port":(\d+)/.exec(line)?.[1];
        if (port === undefined) return;
        clearTimeout(timer);
        done(Number(port));
      });
    }
    child.once('exit', (code) => {
      clearTimeout(timer);
      fail(new Error(`functions/api exited with ${code}:\n${output.join('\n')}`));
    });
  });
}

export async function sql<T extends pg.QueryResultRow>(
  dbUrl: string,
  text: string,
  values: unknown[] = [],
): Promise<T[]> {
  const client = new pg.Client({ connectionString: dbUrl, connectionTimeoutMillis: 5_000 });
  await client.connect();
  try {
    return (await client.query<T>(text, values)).rows;
  } finally {
    await client.end();
  }
}

/** Runs one statement as a signed-in person. */
export async function asPerson<T extends pg.QueryResultRow>(
  dbUrl: string,
  person: Person,
  text: string,
  values: unknown[] = [],
): Promise<T[]> {
  const client = new pg.Client({ connectionString: dbUrl, connectionTimeoutMillis: 5_000 });
  await client.connect();
  try {
    await client.query('begin');
    const claims = { sub: person.id, role: 'authenticated', app_code: person.app };
    await client.query(
      "select set_config('role', 'authenticated', true), set_config('request.jwt.claims', $1, true)",
      [JSON.stringify(claims)],
    );
    const { rows } = await client.query<T>(text, values);
    await client.query('commit');
    return rows;
  } finally {
    await client.end();
  }
}

const TWO_TRANSFORMS_AND_AN_APPROVAL = {
  nodes: [
    node('double', 'transform', { expression: 'input.n * 2' }),
    node('ask', 'wait_for_approval', { title: 'Go on?' }),
    node('add', 'transform', { expression: 'steps.double.output + 1' }),
  ],
  edges: [
    { id: 'e1', source: 'double', target: 'ask' },
    { id: 'e2', source: 'ask', target: 'add', sourceHandle: 'approved' },
  ],
};

function node(id: string, type: string, config: unknown) {
  return { id, type, position: { x: 0, y: 0 }, data: { label: id, config } };
}

/** Publishes a small workflow of the person's app under a name of its own: input {n: number}. */
export async function publishWorkflow(dbUrl: string, person: Person): Promise<string> {
  const name = `api-test-${randomUUID()}`;
  const inputSchema = {
    type: 'object',
    required: ['n'],
    properties: { n: { type: 'number' } },
  };
  const [version] = await asPerson<{ id: string }>(
    dbUrl,
    person,
    'select id from public.save_workflow(kebab_name => $1, definition => $2, input_schema => $3)',
    [name, JSON.stringify(TWO_TRANSFORMS_AND_AN_APPROVAL), JSON.stringify(inputSchema)],
  );
  await asPerson(dbUrl, person, 'select public.publish_workflow($1)', [version?.id]);
  return name;
}

export interface Answer {
  status: number;
  headers: Headers;
  body: Record<string, unknown>;
}

export async function call(
  url: string,
  options: {
    method?: string;
    token?: string;
    body?: unknown;
    headers?: Record<string, string>;
  } = {},
): Promise<Answer> {
  const response = await fetch(url, {
    method: options.method ?? (options.body === undefined ? 'GET' : 'POST'),
    headers: {
      ...(options.token === undefined ? {} : { authorization: `Bearer ${options.token}` }),
      ...(options.body === undefined ? {} : { 'content-type': 'application/json' }),
      ...options.headers,
    },
    ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
    signal: AbortSignal.timeout(10_000),
  });
  const text = await response.text();
  const body: unknown = text === '' ? {} : JSON.parse(text);
  return { status: response.status, headers: response.headers, body: Object(body) };
}

/** Asks until the answer pleases, at most `ms`. */
export async function until<T>(ask: () => Promise<T | undefined>, ms = 15_000): Promise<T> {
  const deadline = Date.now() + ms;
  while (Date.now() < deadline) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    await new Promise((done) => setTimeout(done, 50));
  }
  throw new Error(`not so after ${ms} ms`);
}

export function stackInfo(): {
  db_url: string;
  api_url: string;
  redis_url: string;
  redis_token: string;
  publishable_key: string;
  users: { email: string; password: string; app_code: string; role: string }[];
} {
  return JSON.parse(readFileSync(process.env.STEPBASE_TEST_STACK ?? '', 'utf8'));
}
