// `npm start`: runs the embedded Supabase with Stepbase until Ctrl-C. With --gateway: its services in a container.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { tolerateDriverFaults } from './stack/driver-faults.ts';
import { optionsFromArguments, ROOT, StackError } from './stack/options.ts';
import { onOrphaned } from './stack/orphan.ts';
import { SEED_USERS } from './stack/seed-users.ts';
import { type Stack, startStack } from './stack/stack.ts';
import type { WorldInfo } from './world/world.ts';

const SECOND = 1000;
/** Stopping waits for steps in flight and a database checkpoint; after this the watchdog finishes. */
const STOP_DEADLINE_MS = 40 * SECOND;

const FIRST_STEPS = [
  'First steps: open the web client, sign in as developer@acme.example, and start a workflow. Its input is filled in.',
  'The sample services answer it. The mails that it sends are on the page Mail.',
  '',
];

const servicesOf = ({ shop_url }: WorldInfo): string =>
  `${new URL(shop_url).origin} (shop, crm, billing, model)`;

function banner(stack: Stack): string {
  const { info, timings } = stack;
  const rows: Array<[string, string]> = [
    ['Web client', info.web_url],
    ['API (Supabase URL)', info.api_url],
    ['HTTP API', info.http_api_url],
    ...(info.mail_url === null ? [] : [['Mail', info.mail_url] satisfies [string, string]]),
    ...(info.world === null
      ? []
      : [['Sample services', servicesOf(info.world)] satisfies [string, string]]),
    ['Database', info.db_url],
    ['Redis (Upstash REST)', info.redis_url],
    ['Publishable key', info.publishable_key],
    ['Secret key', info.secret_key],
    ['Data', info.data_dir],
  ];
  return [
    '',
    `  Stepbase is ready (${((timings.total ?? 0) / SECOND).toFixed(1)} s)`,
    '',
    ...rows.map(([label, value]) => `  ${label.padEnd(22)}${value}`),
    '',
    '  Sign in as',
    ...SEED_USERS.map(
      ({ email, password, role, app_code }) =>
        `    ${email.padEnd(26)}${password}   (${role} of ${app_code})`,
    ),
    '',
    ...(info.world === null ? [] : FIRST_STEPS.map((line) => `  ${line}`)),
    '  Ctrl-C stops everything.',
    '',
  ].join('\n');
}

function fail(error: unknown): never {
  if (error instanceof StackError) console.error(`stepbase: ${error.message}`);
  else console.error(error);
  process.exit(1);
}

let stack: Promise<Stack> | undefined;
let stopping = false;

async function shutDown(reason: string, code: number): Promise<void> {
  if (stopping) return;
  stopping = true;
  if (reason) console.log(reason);
  setTimeout(() => process.exit(1), STOP_DEADLINE_MS).unref();
  // A start in progress is completed first, so that its services can be stopped.
  const running = await stack?.catch(() => undefined);
  await running?.stop();
  process.exit(code);
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => void shutDown('\n  Stopping …', 0));
}
onOrphaned(() => void shutDown('', 0));
// The terminal may be closed before this process ends.
process.stdout.on('error', () => undefined);
process.stderr.on('error', () => undefined);

tolerateDriverFaults();

try {
  const envFile = join(ROOT, '.env');
  // A container has its environment from outside.
  const isContainer = process.argv.includes('--gateway');
  if (!isContainer && existsSync(envFile)) process.loadEnvFile(envFile);
  const say = (message: string) => console.error(`  ${message}`);
  stack = startStack(optionsFromArguments(process.argv.slice(2)), say);
  const started = await stack;
  if (!stopping) console.log(banner(started));
  void started.died.then((reason) => shutDown(`stepbase: ${reason}`, 1));
} catch (error) {
  if (!stopping) fail(error);
}
