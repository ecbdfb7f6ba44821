// Checks of a project over HTTP: the keys, the exposed schema, the functions with their versions, and the
// claims of a token after a sign-in.

import { docsPath } from '../install/assets.ts';
import type { Expected } from './deployment.ts';
import { type Finding, failed, messageOf, ok, warning } from './finding.ts';

const TIMEOUT_MS = 10_000;

export interface Project {
  url: string;
  publishableKey: string | undefined;
  secretKey: string | undefined;
}

interface Answer {
  status: number;
  body: Record<string, unknown>;
}

async function ask(url: string, init: RequestInit = {}): Promise<Answer> {
  const response = await fetch(url, { ...init, signal: AbortSignal.timeout(TIMEOUT_MS) });
  const text = await response.text();
  try {
    return { status: response.status, body: JSON.parse(text) as Record<string, unknown> };
  } catch {
    return { status: response.status, body: { message: text.slice(0, 200) } };
  }
}

const saying = ({ status, body }: Answer) =>
  `status ${status}${body.message === undefined ? '' : `: ${String(body.message).slice(0, 200)}`}`;

/** Runs a check; an address that does not answer is a finding of it. */
async function guarded(check: string, work: () => Promise<Finding[]>): Promise<Finding[]> {
  try {
    return await work();
  } catch (error) {
    const { cause } = error as { cause?: unknown };
    return [
      failed(
        check,
        `The project does not answer: ${messageOf(cause ?? error)}`,
        'Correct --url or SUPABASE_URL, and see whether the project is paused',
      ),
    ];
  }
}

function checkPublishableKey({ url, publishableKey: key }: Project): Promise<Finding[]> {
  const check = 'publishable key';
  return guarded(check, async () => {
    if (!key) {
      return [warning(check, 'No publishable key is given.', 'Set SUPABASE_PUBLISHABLE_KEY')];
    }
    const answer = await ask(`${url}/auth/v1/settings`, { headers: { apikey: key } });
    if (answer.status === 200) return [ok(check, 'Supabase Auth accepts the publishable key.')];
    return [
      failed(
        check,
        `Supabase Auth refuses the publishable key: ${saying(answer)}`,
        'Copy the key from the settings of the project, under API keys',
      ),
    ];
  });
}

function checkDataApi({ url, secretKey: key }: Project): Promise<Finding[]> {
  const check = 'data API';
  return guarded(check, async () => {
    if (!key) return [warning(check, 'No secret key is given.', 'Set SUPABASE_SECRET_KEY')];
    const answer = await ask(`${url}/rest/v1/run_statuses?select=name&limit=1`, {
      headers: { apikey: key, 'accept-profile': 'stepbase' },
    });
    if (answer.status === 200) {
      return [ok(check, 'The Data API accepts the secret key and exposes the schema stepbase.')];
    }
    if (answer.status === 401 || answer.status === 403) {
      return [
        failed(
          check,
          `The Data API refuses the secret key: ${saying(answer)}`,
          'Copy a secret key from the settings of the project, under API keys',
        ),
      ];
    }
    return [
      failed(
        check,
        `The Data API does not serve the schema stepbase: ${saying(answer)}`,
        'npx supabase config push',
      ),
    ];
  });
}

function checkFunction(
  { url, secretKey }: Project,
  name: 'stepbase-api' | 'stepbase-worker',
  { version: expected, deploy }: Expected,
): Promise<Finding[]> {
  const check = `function ${name}`;
  return guarded(check, async () => {
    const base = `${url}/functions/v1/${name}`;
    const health = await ask(`${base}/healthz`, {
      headers: secretKey ? { apikey: secretKey } : {},
    });
    if (health.status !== 200) {
      return [failed(check, `The function does not run: ${saying(health)}`, deploy)];
    }
    const found: Finding[] = [];
    const version = String(health.body.version ?? 'unknown');
    if (version !== expected) {
      found.push(
        warning(
          check,
          `It has version ${version}; the installed schema needs version ${expected}.`,
          deploy,
        ),
      );
    }
    if (name === 'stepbase-worker' && secretKey && health.body.executing === undefined) {
      found.push(
        failed(
          check,
          'The worker refuses the secret key, so the database cannot call it.',
          'npx supabase secrets set SUPABASE_SECRET_KEYS=…, or use a key that the project injects',
        ),
      );
    }
    if (name === 'stepbase-api') found.push(...(await readiness(check, base)));
    return found.length > 0 ? found : [ok(check, `It runs with version ${version}.`)];
  });
}

async function readiness(check: string, base: string): Promise<Finding[]> {
  const { body } = await ask(`${base}/readyz`);
  const checks = (body.checks ?? {}) as Record<string, { status?: string }>;
  const broken = Object.keys(checks).filter((name) => checks[name]?.status === 'failed');
  if (body.status === 'ok') return [];
  const report = body.status === 'degraded' ? warning : failed;
  return [
    report(
      check,
      `readyz is ${String(body.status)}: ${broken.join(', ') || 'no answer'}.`,
      `See ${docsPath('operations/monitor.md')}#health-endpoints and the log of the function`,
    ),
  ];
}

function claimsOf(token: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as Record<
    string,
    unknown
  >;
}

function checkSignIn(
  { url, publishableKey: key = '' }: Project,
  signIn: { email: string; password: string },
): Promise<Finding[]> {
  const check = 'sign-in';
  return guarded(check, async () => {
    const headers = { apikey: key, 'content-type': 'application/json' };
    const answer = await ask(`${url}/auth/v1/token?grant_type=password`, {
      method: 'POST',
      headers,
      body: JSON.stringify(signIn),
    });
    const token = answer.body.access_token;
    if (typeof token !== 'string') {
      const reason = String(answer.body.msg ?? answer.body.message ?? answer.status);
      return [failed(check, `${signIn.email} cannot sign in: ${reason}`, 'Correct the password')];
    }
    const bearer = { ...headers, authorization: `Bearer ${token}` };
    try {
      const { app_code: app, app_role: role } = claimsOf(token);
      if (typeof app === 'string') {
        return [ok(check, `The token of ${signIn.email} is for ${app}, as ${String(role)}.`)];
      }
      const memberships = await ask(`${url}/rest/v1/rpc/my_applications`, {
        method: 'POST',
        headers: { ...bearer, 'content-profile': 'stepbase' },
        body: '{}',
      });
      const isMember = Array.isArray(memberships.body) && memberships.body.length > 0;
      return [
        isMember
          ? failed(
              check,
              `The token of ${signIn.email} has no claim app_code: the access-token hook is off.`,
              'npx supabase config push',
            )
          : warning(
              check,
              `${signIn.email} is a member of no application, so the hook cannot be tested.`,
              'Use a user who is a member, or create_application',
            ),
      ];
    } finally {
      await ask(`${url}/auth/v1/logout?scope=local`, { method: 'POST', headers: bearer });
    }
  });
}

/** The checks of the RPC over the Data API, for a client without the database. */
export function askDoctor({ url, secretKey: key = '' }: Project): Promise<Finding[]> {
  const check = 'doctor()';
  return guarded(check, async () => {
    const answer = await ask(`${url}/rest/v1/rpc/doctor`, {
      method: 'POST',
      headers: { apikey: key, 'content-type': 'application/json', 'content-profile': 'stepbase' },
      body: '{}',
    });
    if (Array.isArray(answer.body)) return answer.body as Finding[];
    return [
      failed(
        check,
        `The database cannot be checked: ${saying(answer)}`,
        'Give --db-url of postgres, or SUPABASE_SECRET_KEY',
      ),
    ];
  });
}

export async function checkProject(
  project: Project,
  expected: Expected,
  signIn: { email: string; password: string } | undefined,
): Promise<Finding[]> {
  const found = await Promise.all([
    checkPublishableKey(project),
    checkDataApi(project),
    checkFunction(project, 'stepbase-api', expected),
    checkFunction(project, 'stepbase-worker', expected),
    ...(signIn ? [checkSignIn(project, signIn)] : []),
  ]);
  return found.flat();
}
