// Shared by the API tests: an API process beside the stack (so that they can sign any token and remove Redis),
// statements as a user of the seed, and a small workflow.
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { SignJWT } from 'jose';
import type pg from 'pg';
import { denoProgram, denoVariables } from '../../scripts/stack/functions.ts';
import { workerUrl } from '../../scripts/stack/functions-env.ts';
import type { SeedUser } from '../../scripts/stack/seed-users.ts';
import { guard, unguard } from '../../scripts/stack/watchdog.ts';
import { atFileEnd } from '../support/file-end.ts';
import { client, pool, stackInfo } from '../support/stack.ts';
import { scaled } from '../support/time.ts';
import { expectDocumented } from './contract.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const START_MS = scaled(20_000);
const JWT_SECRET = `a secret of these tests only ${randomUUID()}`;
const ISSUER = 'http://stepbase.test/auth/v1';

/** A user and the app of the token. */
export type Person = Pick<SeedUser, 'id' | 'app_code'>;

export interface TokenOptions {
  secret?: string;
  issuer?: string;
  expiresAt?: number;
  /** The Auth session that the token belongs to. */
  sessionId?: string;
}

/** A person without an application has a token without the claim. */
export function signToken(
  person: Pick<Person, 'id'> & Partial<Person>,
  options: TokenOptions = {},
): Promise<string> {
  const { sessionId: session_id } = options;
  return new SignJWT({ role: 'authenticated', app_code: person.app_code, session_id })
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

let plain: Promise<Api> | undefined;

/**
 * Starts functions/api as its own process; `env` is added to the required variables. Without variables the files of a
 * worker share one process, which ends with the worker.
 */
export function startApi(env?: Record<string, string>): Promise<Api> {
  if (env !== undefined) return launch(env);
  plain ??= launch({}).then(({ url }) => ({ url, stop: async () => undefined }));
  plain.catch(() => {
    plain = undefined;
  });
  return plain;
}

async function launch(env: Record<string, string>): Promise<Api> {
  const child = spawn(
    denoProgram(),
    ['run', '--allow-net', '--allow-env', '--allow-read', 'functions/api/index.ts'],
    {
      cwd: ROOT,
      // A group of its own, which the watchdog ends if this worker ends first.
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        PATH: process.env.PATH ?? '',
        HOME: process.env.HOME ?? '',
        DENO_NO_UPDATE_CHECK: '1',
        ...denoVariables(),
        DATABASE_URL: workerUrl(stackInfo().db_url),
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
  const { pid } = child;
  if (pid !== undefined) {
    guard(pid, 'TERM');
    child.once('exit', () => unguard(pid));
  }
  const port = await listeningPort(child);
  return {
    url: `http://127.0.0.1:${port}/stepbase-api`,
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
        const port = /"message":"the API is listening".*"port":(\d+)/.exec(line)?.[1];
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

let shared: pg.Pool | undefined;
const db = () => {
  if (shared === undefined) {
    shared = pool();
    atFileEnd(() => {
      shared = undefined;
    });
  }
  return shared;
};

export async function sql<T extends pg.QueryResultRow>(
  text: string,
  values: unknown[] = [],
): Promise<T[]> {
  return (await db().query<T>(text, values)).rows;
}

/** Runs one statement as a signed-in user. */
export async function asPerson<T extends pg.QueryResultRow>(
  person: Person,
  text: string,
  values: unknown[] = [],
): Promise<T[]> {
  const client = await db().connect();
  try {
    await client.query('begin');
    const claims = { sub: person.id, role: 'authenticated', app_code: person.app_code };
    await client.query(
      "select set_config('role', 'authenticated', true), set_config('request.jwt.claims', $1, true)",
      [JSON.stringify(claims)],
    );
    const { rows } = await client.query<T>(text, values);
    await client.query('commit');
    return rows;
  } catch (error) {
    await client.query('rollback');
    throw error;
  } finally {
    client.release();
  }
}

export interface TestTenant {
  app_code: string;
  /** An admin of the application, who belongs to no other one. */
  admin: Person;
  token: string;
}

/** An application of its own with an admin, so that lists hold only rows of the test. */
export async function createTenant(prefix: string): Promise<TestTenant> {
  const app_code = `${prefix}-${randomUUID().slice(0, 8)}`;
  const [organization] = await sql<{ id: string }>(
    'insert into stepbase.organizations (slug, name) values ($1, $1) returning id',
    [app_code],
  );
  await sql(
    'insert into stepbase.applications (app_code, organization_id, name) values ($1, $2, $1)',
    [app_code, organization?.id],
  );
  const admin = await createMember(app_code, 'admin');
  return { app_code, admin, token: await signToken(admin) };
}

export async function createMember(app_code: string, role: string): Promise<Person> {
  const auth = client(stackInfo(), stackInfo().secret_key).auth.admin;
  const { data, error } = await auth.createUser({
    email: `${randomUUID()}@tenant.example`,
    password: randomUUID(),
    email_confirm: true,
  });
  if (error) throw error;
  await sql('insert into stepbase.app_members (app_code, user_id, role) values ($1, $2, $3)', [
    app_code,
    data.user.id,
    role,
  ]);
  return { id: data.user.id, app_code };
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

/** Publishes a small workflow in the user's app under a unique name; its input is {n: number}. */
export async function publishWorkflow(person: Person): Promise<string> {
  const name = `api-test-${randomUUID()}`;
  const inputSchema = {
    type: 'object',
    required: ['n'],
    properties: { n: { type: 'number' } },
  };
  const [version] = await asPerson<{ id: string }>(
    person,
    'select id from stepbase.save_workflow(kebab_name => $1, definition => $2, input_schema => $3)',
    [name, JSON.stringify(TWO_TRANSFORMS_AND_AN_APPROVAL), JSON.stringify(inputSchema)],
  );
  await asPerson(person, 'select stepbase.publish_workflow($1)', [version?.id]);
  return name;
}

export interface Answer {
  status: number;
  headers: Headers;
  body: Record<string, unknown>;
}

/** Sends a request and checks that the answer is the one that the OpenAPI document describes. */
export async function call(
  url: string,
  options: {
    method?: string;
    token?: string;
    body?: unknown;
    headers?: Record<string, string>;
    timeoutMs?: number;
  } = {},
): Promise<Answer> {
  const method = options.method ?? (options.body === undefined ? 'GET' : 'POST');
  const response = await fetch(url, {
    method,
    headers: {
      ...(options.token === undefined ? {} : { authorization: `Bearer ${options.token}` }),
      ...(options.body === undefined ? {} : { 'content-type': 'application/json' }),
      ...options.headers,
    },
    ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
    signal: AbortSignal.timeout(options.timeoutMs ?? 10_000),
  });
  const text = await response.text();
  const body: unknown = text === '' ? {} : JSON.parse(text);
  const { status } = response;
  expectDocumented({
    method,
    url,
    status,
    contentType: response.headers.get('content-type'),
    body,
  });
  return { status: response.status, headers: response.headers, body: Object(body) };
}
