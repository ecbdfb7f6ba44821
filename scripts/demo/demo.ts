// The demo: a throw-away stack, the sample services, two members of one application, and three workflows.

import type { RunEvent } from '../../sdk/src/index.ts';
import type { StackInfo } from '../stack/stack.ts';
import { startThrowawayStack } from '../stack/throwaway.ts';
import type { WorldAddresses } from '../world/addresses.ts';
import { modelEnvironment, startWorld, type World } from '../world/world.ts';
import { leave, type Member, signIn } from './member.ts';
import { type RunReport, reportRun } from './report.ts';

export interface DemoOptions {
  print: (line: string) => void;
  signal: AbortSignal;
}

/** From the start of a run to its end, including the decision. */
const runDeadlineMs = 60_000;

interface Plan {
  workflow: string;
  input: Record<string, unknown>;
}

export async function runDemo({ print, signal }: DemoOptions): Promise<RunReport[]> {
  // Last in, first out: every started service is stopped, also if the next one fails to start.
  const cleanup: (() => Promise<unknown>)[] = [];
  try {
    const world = await startWorld({ latencyMs: 300 });
    cleanup.push(() => world.stop());
    print('Starting a throw-away stack …');
    // The mails of the demo stay on this machine.
    delete process.env.SMTP_URL;
    delete process.env.RESEND_API_KEY;
    let stopping = false;
    // While the stack stops, services report that others are unreachable.
    const stack = await startThrowawayStack(
      { web: false, functionsEnv: modelEnvironment(world.info), logLevel: 'error' },
      (message) => {
        if (!stopping && !signal.aborted) print(`  ${message}`);
      },
    );
    cleanup.push(() => {
      stopping = true;
      return stack.stop();
    });
    signal.throwIfAborted();
    print(`Ready: ${stack.info.api_url}`);
    const report = await runWorkflows(stack.info, world.info, { print, signal });
    await printReceived(world, stack.info, print);
    return report;
  } finally {
    for (const undo of cleanup.reverse()) {
      await undo().catch((error: unknown) => print(`while stopping: ${String(error)}`));
    }
  }
}

/** What the workflows of the demo call; their model and their mail server are those of the stack. */
type Services = Pick<WorldAddresses, 'shop_url' | 'billing_url'>;

/** Runs the three workflows of the demo on a running stack; resolves when all runs have ended. */
export async function runWorkflows(
  info: Pick<StackInfo, 'api_url' | 'publishable_key' | 'users'>,
  services: Services,
  { print, signal }: DemoOptions,
): Promise<RunReport[]> {
  const [starter, approver] = await signInBoth(info);
  try {
    print(`Signed in as ${starter.email}; ${approver.email} will approve.\n`);
    return await runAll(plansFor(services), starter, approver, print, signal);
  } finally {
    await Promise.all([leave(starter), leave(approver)]);
  }
}

/** Two members of the same application: one starts the runs, the other decides. */
async function signInBoth(
  info: Pick<StackInfo, 'api_url' | 'publishable_key' | 'users'>,
): Promise<[Member, Member]> {
  const admin = info.users.find((user) => user.role === 'admin');
  const other = info.users.find(
    (user) => user.app_code === admin?.app_code && user.role === 'developer',
  );
  if (admin === undefined || other === undefined) {
    throw new Error('the stack has no application with an admin and a developer');
  }
  return await Promise.all([signIn(info, admin), signIn(info, other)]);
}

function plansFor({ shop_url, billing_url }: Services): Plan[] {
  const order = { shop_url, email: 'team@acme.example' };
  return [
    { workflow: 'order-confirmation', input: { ...order, order_id: '1003' } },
    { workflow: 'order-triage', input: { ...order, order_id: '1001' } },
    {
      workflow: 'refund-approval',
      input: { ...order, order_id: '1002', webhook_url: `${billing_url}/hooks/refunds` },
    },
  ];
}

async function runAll(
  plans: readonly Plan[],
  starter: Member,
  approver: Member,
  print: (line: string) => void,
  signal: AbortSignal,
): Promise<RunReport[]> {
  const began = performance.now();
  return await Promise.all(
    plans.map(async ({ workflow, input }) => {
      const run = await starter.stepbase.start(workflow, input, { signal });
      for await (const event of run.watch({ signal, timeoutMs: runDeadlineMs })) {
        print(describe(workflow, event, performance.now() - began));
        if (event.type === 'task.created') await approve(approver, run.id, print);
      }
      return await reportRun(workflow, run);
    }),
  );
}

async function approve(
  { email, stepbase }: Member,
  runId: string,
  print: (line: string) => void,
): Promise<void> {
  const [task] = await stepbase.tasks.list({ runId }).toArray();
  if (task === undefined) throw new Error(`${email} sees no open task`);
  const { title } = task.task as { title: string };
  print(`        → ${email} approves: ${title}`);
  await stepbase.tasks.decide(task.id, { approved: true, comment: 'Fine with me.' });
}

function describe(workflow: string, event: RunEvent, ms: number): string {
  const time = `${(ms / 1_000).toFixed(2)}s`.padStart(7);
  const attempt = (event.attempt ?? 1) > 1 ? ` attempt ${event.attempt}` : '';
  return `${time}  ${workflow.padEnd(19)} ${String(event.seq).padStart(3)}  ${(event.step_id ?? '(run)').padEnd(18)} ${event.type}${attempt}`;
}

interface Mails {
  messages: { to: string[]; subject: string }[];
}

async function printReceived(
  { calls }: World,
  { mail_url }: Pick<StackInfo, 'mail_url'>,
  print: (line: string) => void,
): Promise<void> {
  print('\nThe outside services received:');
  const answer = await fetch(`${mail_url}/api/messages`);
  for (const { to, subject } of ((await answer.json()) as Mails).messages.reverse()) {
    print(`  mail to ${to.join(', ')}: ${subject}`);
  }
  for (const { service, request } of calls) {
    if (service === 'shop') print(`  request to the shop: ${request.method} ${request.path}`);
    if (service === 'model') print(`  question to the model: ${questionOf(request.body)}`);
    if (service === 'billing') print(`  webhook ${request.path}: ${request.text}`);
  }
}

const questionOf = (body: unknown): string =>
  (body as { messages: { content: string }[] }).messages.at(-1)?.content ?? '';
