// A kit: a database with one application at a time, a worker in this process, and the mocks of the tests.

import { randomUUID } from 'node:crypto';
import type { Workflow } from '../../sdk/src/workflow/index.ts';
import type {
  Actor,
  ComponentSettings,
  InputOf,
  Mock,
  MockCall,
  MockTarget,
  OutputOf,
  Recording,
  Replay,
  ReplayOptions,
  ScheduleSettings,
  StartOptions,
  TestKit,
  TestKitOptions,
  TestMail,
  TestRun,
  TestWorkflow,
  WorkflowJson,
  WorkflowSettings,
} from './api.ts';
import { KitQueries, type Row } from './database.ts';
import { Mocks } from './mocks.ts';
import { differences, follow } from './replay.ts';
import { openRun, type RunHost } from './run.ts';
import { type KitDatabase, openDatabase } from './server.ts';
import { type KitWorker, openWorker } from './worker.ts';

const DEADLINE_MS = 20_000;
/** Timers have microseconds, the kit counts milliseconds. */
const ROUNDING_MS = 1;

/** Faults of the worker itself, until a call reports them. */
interface WorkerFault {
  message: string;
  error: unknown;
}

interface KitParts {
  queries: KitQueries;
  mocks: Mocks;
  worker: KitWorker;
  faults: WorkerFault[];
  mails: TestMail[];
  webhooks: unknown[];
  deadlineMs: number;
}

class Kit implements TestKit, RunHost {
  readonly queries: KitQueries;
  readonly deadlineMs: number;
  readonly #database: KitDatabase;
  readonly #mocks: Mocks;
  readonly #worker: KitWorker;
  readonly #faults: WorkerFault[];
  readonly #mails: TestMail[];
  readonly #webhooks: unknown[];
  #app = '';
  readonly #members = new Map<string, Promise<string>>();
  /** Calls that work happen one after another. */
  #last: Promise<unknown> = Promise.resolve();
  #closing: Promise<void> | undefined;

  constructor(database: KitDatabase, parts: KitParts) {
    this.#database = database;
    this.queries = parts.queries;
    this.#mocks = parts.mocks;
    this.#worker = parts.worker;
    this.#faults = parts.faults;
    this.#mails = parts.mails;
    this.#webhooks = parts.webhooks;
    this.deadlineMs = parts.deadlineMs;
  }

  get app(): string {
    return this.#app;
  }

  get databaseUrl(): string {
    return this.#database.url;
  }

  get mails(): readonly TestMail[] {
    return this.#mails;
  }

  get webhooks(): readonly unknown[] {
    return this.#webhooks;
  }

  async workflow<W extends Workflow | WorkflowJson>(
    workflow: W,
    { execution_timeout_seconds: seconds }: WorkflowSettings = {},
  ): Promise<TestWorkflow<InputOf<W>, OutputOf<W>>> {
    const { kebab_name: name, definition } = workflow;
    const [draft] = await this.rpc('save_workflow', {
      kebab_name: name,
      definition,
      input_schema: workflow.input_schema,
      output_schema: workflow.output_schema,
      name: workflow.name,
      description: workflow.description,
    });
    await this.rpc('publish_workflow', { workflow_version_id: draft?.id });
    if (seconds !== undefined) await this.queries.limitRuns(this.#app, name, seconds);
    return {
      name,
      start: (input, options) => this.start(name, input, options) as Promise<TestRun<OutputOf<W>>>,
      mock: (step, mock) => this.#mocks.add({ step, workflow: name }, mock as Mock),
    };
  }

  async start(workflow: string, input: unknown = {}, options: StartOptions = {}): Promise<TestRun> {
    const args = {
      workflow,
      input: JSON.stringify(input),
      idempotency_key: options.idempotencyKey,
      tags: options.tags,
    };
    const [run] = await this.rpc('start_run', args, options);
    return await this.run(String(run?.id));
  }

  run(id: string): Promise<TestRun> {
    return openRun(this, id);
  }

  async runs(workflow: string): Promise<TestRun[]> {
    const ids = await this.queries.runsOf(this.#app, workflow);
    return await Promise.all(ids.map((id) => this.run(id)));
  }

  async component(name: string, settings: ComponentSettings = {}): Promise<void> {
    await this.queries.createComponent(this.#app, name, settings);
  }

  async schedule(workflow: string, settings: ScheduleSettings): Promise<void> {
    await this.queries.createSchedule(this.#app, workflow, settings);
    await this.settle();
  }

  mock<Config>(target: string | MockTarget, mock: Mock<Config>): void {
    this.#mocks.add(target, mock as Mock);
  }

  calls(step: string): MockCall[] {
    return this.#mocks.calls(step);
  }

  settle(): Promise<void> {
    return this.#alone(() => this.#drain());
  }

  async skip(duration: string | number): Promise<void> {
    const total =
      typeof duration === 'number' ? duration : await this.queries.milliseconds(duration);
    if (!(total >= 0)) throw new Error(`the clock moves forward only, not by ${duration}`);
    await this.#alone(async () => {
      const deadline = performance.now() + this.deadlineMs;
      await this.#drain();
      let left = total;
      for (;;) {
        const due = await this.#worker.nextDueMs();
        const ms = due === undefined || due > left ? left : Math.max(0, due) + ROUNDING_MS;
        await this.queries.advanceClock(ms);
        await this.#drain();
        left -= ms;
        if (left <= 0) return;
        if (performance.now() > deadline) {
          throw new Error(`skipping ${duration} took longer than ${this.deadlineMs} ms`);
        }
      }
    });
  }

  skipToNext(): Promise<boolean> {
    return this.#alone(async () => {
      const due = await this.#worker.nextDueMs();
      if (due === undefined) return false;
      await this.queries.advanceClock(Math.max(0, due) + ROUNDING_MS);
      await this.#drain();
      return true;
    });
  }

  async act(rpc: string, args: object, actor: Actor | undefined): Promise<void> {
    await this.rpc(rpc, args, actor);
    await this.settle();
  }

  async emit(name: string, payload: unknown = {}): Promise<void> {
    await this.act('emit_event', { name, payload: JSON.stringify(payload) }, undefined);
  }

  member(role: string): Promise<string> {
    let member = this.#members.get(role);
    if (member === undefined) {
      const id = randomUUID();
      member = this.queries.createMember(this.#app, role, id).then(() => id);
      this.#members.set(role, member);
    }
    return member;
  }

  async replay(
    workflow: Workflow | WorkflowJson,
    recording: Recording,
    options: ReplayOptions = {},
  ): Promise<Replay> {
    const { name } = await this.workflow(workflow);
    this.#mocks.follow(name, recording);
    const run = await this.start(name, recording.run.input);
    await follow(run, recording, {
      skipToNext: () => this.skipToNext(),
      // Each one is a person of their own, and not the one who started the run.
      personOf: (index, roles) => `${roles?.[0] ?? 'admin'}:${index + 1}`,
    });
    return { run, differences: differences(run, recording, options) };
  }

  async rpc(name: string, args: object = {}, { as = 'admin' }: Actor = {}): Promise<Row[]> {
    return await this.queries.rpc(name, args, { id: await this.member(as), app: this.#app });
  }

  async reset(): Promise<void> {
    await this.#alone(async () => {
      this.#mocks.report();
      if (this.#app !== '') await this.#retire();
      this.#mocks.clear();
      this.#mails.length = 0;
      this.#webhooks.length = 0;
      this.#members.clear();
      this.#app = `test-${randomUUID().slice(0, 8)}`;
      await this.queries.createApplication(this.#app);
    });
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** The runs of the application must not go on beside those of the next one. */
  async #retire(): Promise<void> {
    await this.queries.disableSchedules(this.#app);
    for (const run_id of await this.queries.openRuns(this.#app)) {
      await this.rpc('cancel_run', { run_id, force: true });
    }
    await this.#drain();
  }

  async #close(): Promise<void> {
    await this.#last.catch(() => undefined);
    try {
      await this.#worker.stop();
      await this.queries.close();
    } finally {
      await this.#database.drop();
    }
    this.#report();
  }

  async #drain(): Promise<void> {
    try {
      await this.#worker.drain(this.deadlineMs);
    } finally {
      this.#report();
    }
  }

  #report(): void {
    this.#mocks.report();
    const [fault] = this.#faults.splice(0);
    if (fault) throw new Error(`${fault.message}: ${String(fault.error)}`, { cause: fault.error });
  }

  #alone<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(work, work);
    this.#last = done.catch(() => undefined);
    return done;
  }
}

/** Starts a kit; the first one of a process starts the server. */
export async function createKit({
  deadlineMs = DEADLINE_MS,
}: TestKitOptions = {}): Promise<TestKit> {
  const database = await openDatabase();
  const queries = new KitQueries(database.url);
  const mocks = new Mocks();
  const faults: WorkerFault[] = [];
  const mails: TestMail[] = [];
  const webhooks: unknown[] = [];
  let worker: KitWorker;
  try {
    worker = await openWorker({
      url: database.workerUrl,
      standIn: mocks.standIn,
      isPending: () => queries.isPending(),
      onMail: ({ template, recipient, data }) => mails.push({ template, recipient, data }),
      onDelivery: (payload) => webhooks.push(payload),
      onError: (message, error) => faults.push({ message, error }),
    });
  } catch (error) {
    await queries.close();
    await database.drop();
    throw error;
  }
  const kit = new Kit(database, { queries, mocks, worker, faults, mails, webhooks, deadlineMs });
  try {
    await kit.reset();
    return kit;
  } catch (error) {
    await kit.close();
    throw error;
  }
}
