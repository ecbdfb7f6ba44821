// Config of the tools of an agent: components and workflows that its model may call, and the limits of its turns.

import { z } from 'zod';
import { deadlineMs, exactlyOne, taskFields } from './config.ts';
import { waitForApprovalType } from './wait-for-approval.ts';

export const MAX_TURNS = 50;
export const DEFAULT_TURNS = 10;

/** For what a person does; the title names the tool by default. */
const person = z.strictObject({ ...taskFields, title: taskFields.title.optional() });

/** As of wait_for_approval. */
const approval = waitForApprovalType.config.extend({ title: taskFields.title.optional() });

const agentTool = exactlyOne(
  z.strictObject({
    component: z.string().min(1).optional(),
    workflow: z.string().min(1).optional(),
    /** The name by which the model calls it. */
    name: z
      .string()
      .regex(/^[A-Za-z0-9_-]{1,64}$/, 'must have 1 to 64 letters, digits, _ -')
      .optional(),
    /** Tells the model what the tool is for. */
    description: z.string().min(1).optional(),
    /** A person has to approve each call. */
    approval: z.union([z.boolean(), approval]).nullish(),
    /** Of a user_task component: who does it, and until when. */
    task: person.nullish(),
  }),
  'component',
  'workflow',
);

export const agentFields = {
  tools: z.array(agentTool).max(64).nullish(),
  max_turns: z.int().min(1).max(MAX_TURNS).nullish(),
  /** US dollars. */
  max_cost: z.number().min(0).nullish(),
  /** How long a turn waits for its tools. */
  deadline_ms: deadlineMs,
};

export type AgentTool = z.output<typeof agentTool>;
