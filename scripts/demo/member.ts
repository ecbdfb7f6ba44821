// A member in the demo: signed in with supabase-js only, so that every visible row and channel has passed RLS.

import { z } from 'zod';
import { createStackClient, type StackClient } from '../stack/client.ts';
import type { StackInfo } from '../stack/stack.ts';

const runRow = z.object({
  id: z.string(),
  status: z.string(),
  event_seq: z.number(),
  duration_ms: z.number().nullable(),
});

const stepRow = z.object({
  id: z.string(),
  step_id: z.string(),
  item_index: z.number(),
  attempt: z.number(),
  status: z.string(),
  duration_ms: z.number().nullable(),
  started_at: z.string().nullable(),
  input: z.unknown(),
});

const eventRow = z.object({
  seq: z.number(),
  event_type: z.string(),
  step_id: z.string().nullable(),
  attempt: z.number().nullable(),
  created_at: z.string(),
});

export type RunRow = z.infer<typeof runRow>;
export type StepRow = z.infer<typeof stepRow>;
export type EventRow = z.infer<typeof eventRow>;

interface Answer {
  data: unknown;
  error: { message: string } | null;
}

/** Returns the data of a {data, error} response of supabase-js, or throws its error. */
async function expect<T>(
  what: string,
  schema: z.ZodType<T>,
  request: PromiseLike<Answer>,
): Promise<T> {
  const { data, error } = await request;
  if (error !== null) throw new Error(`${what}: ${error.message}`);
  return schema.parse(data);
}

export class Member {
  readonly email: string;
  readonly client: StackClient;

  private constructor(email: string, client: StackClient) {
    this.email = email;
    this.client = client;
  }

  static async signIn(
    info: Pick<StackInfo, 'api_url' | 'publishable_key'>,
    user: { email: string; password: string },
  ): Promise<Member> {
    const client = createStackClient(info, {
      auth: { persistSession: false, autoRefreshToken: false },
    });
    const { error } = await client.auth.signInWithPassword(user);
    if (error !== null) throw new Error(`sign-in as ${user.email}: ${error.message}`);
    // Private channels are joined with the token of the user, not with the publishable key.
    await client.realtime.setAuth();
    return new Member(user.email, client);
  }

  async leave(): Promise<void> {
    // Closes the socket too.
    await this.client.removeAllChannels();
  }

  async startRun(workflow: string, input: Record<string, unknown>): Promise<string> {
    const request = this.client.rpc('start_run', { workflow, input });
    return (await expect(`start_run ${workflow}`, runRow, request)).id;
  }

  async run(runId: string): Promise<RunRow> {
    const request = this.client
      .from('runs')
      .select('id, status, event_seq, duration_ms')
      .eq('id', runId)
      .single();
    return await expect('run', runRow, request);
  }

  async steps(runId: string): Promise<StepRow[]> {
    const found: StepRow[] = [];
    // The Data API returns at most max_rows rows per request.
    for (;;) {
      const request = this.client
        .from('step_runs')
        .select('id, step_id, item_index, attempt, status, duration_ms, started_at, input')
        .eq('run_id', runId)
        .order('created_at')
        .order('attempt')
        .order('id')
        .range(found.length, found.length + 999);
      const page = await expect('step_runs', z.array(stepRow), request);
      found.push(...page);
      if (page.length === 0) return found;
    }
  }

  async eventsAfter(runId: string, seq: number): Promise<EventRow[]> {
    const request = this.client
      .from('run_events')
      .select('seq, event_type, step_id, attempt, created_at')
      .eq('run_id', runId)
      .gt('seq', seq)
      .order('seq')
      .limit(500);
    return await expect('run_events', z.array(eventRow), request);
  }

  async openTask(runId: string): Promise<{ id: string; title: string }> {
    const task = (await this.steps(runId)).find((step) => step.status === 'waiting');
    if (task === undefined) throw new Error(`${this.email} sees no open task`);
    const { title } = z.object({ title: z.string() }).parse(task.input);
    return { id: task.id, title };
  }

  async decide(stepRunId: string, approved: boolean, comment: string): Promise<void> {
    const request = this.client.rpc('decide_approval', {
      step_run_id: stepRunId,
      approved,
      comment,
    });
    await expect('decide_approval', z.unknown(), request);
  }
}
