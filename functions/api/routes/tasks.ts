// Tasks of people in runs: lists, counts, claims, delegates, comments and completes a task, decides an approval.
import { z } from 'zod';
import { AS_STEP_RUN, ofWorkflow, StepRun } from '../components.ts';
import { found, readRow } from '../crud.ts';
import { commentTask, taskCounts } from '../insight-queries.ts';
import { equal, type ListSpec, listQuery, pageOf, readList } from '../lists.ts';
import { type Resource, statement } from '../operation.ts';
import { claimTask, completeTask, decideApproval, delegateTask, releaseTask } from '../queries.ts';
import { readOnlyList } from '../read-only-list.ts';
import { named, row } from '../rows.ts';

export const CompleteBody = z.strictObject({
  output: z.record(z.string(), z.unknown()).default({}),
});
export const DelegateBody = z.strictObject({
  user_id: z.uuid().describe('A member of the application.'),
  note: z.string().max(1000).optional(),
});
export const DecideBody = z.strictObject({
  approved: z.boolean(),
  comment: z.string().max(10_000).optional(),
});

export const CommentBody = z.strictObject({ body: z.string().min(1).max(10_000) });

const TaskComment = row('task_comments', 'TaskComment');
const COMMENTS: ListSpec = {
  table: 'task_comments',
  sorts: ['created_at'],
  filters: { step_run_id: equal('task_comments', 'step_run_id') },
};

const count = () => z.number().int();
const TaskCounts = named('TaskCounts', () =>
  z.object({
    mine: count().describe('Assigned to or claimed by the caller.'),
    role: count().describe('For the role of the caller.'),
    unassigned: count().describe('For everyone with `task:complete`, and not claimed.'),
    overdue: count().describe('The deadline has passed, or the task was escalated.'),
    all: count(),
  }),
);

const TASKS: ListSpec = {
  table: 'step_runs',
  where: "t.status = 'waiting' and t.wait_kind = 'task'",
  sorts: ['created_at'],
  filters: {
    mine: {
      schema: z
        .enum(['true', 'false'])
        .describe(
          '`true`: tasks that are assigned to the caller or to their role, or that the caller has claimed; `false`: all others.',
        ),
      where: (value, bind) =>
        `(
           coalesce(t.assigned_to = (select stepbase_private.user_id()), false)
           or coalesce((select stepbase_private.user_id()) = any (t.assigned_users), false)
           or coalesce(t.claimed_by = (select stepbase_private.user_id()), false)
           or coalesce((select stepbase_private.app_role()) = any (t.assigned_roles), false)
         ) = ${bind(value)}::boolean`,
    },
    assigned_to: equal('step_runs', 'assigned_to'),
    claimed_by: equal('step_runs', 'claimed_by'),
    assigned_role: {
      schema: z.string().min(1).max(63).describe('A role that may complete the task.'),
      where: (value, bind) => `${bind(value)} = any (t.assigned_roles)`,
    },
    run_id: equal('step_runs', 'run_id'),
    workflow: {
      ...ofWorkflow,
      where: (value, bind) =>
        `t.workflow_version_id in (
           select v.id from stepbase.workflow_versions v join stepbase.workflows w on w.id = v.workflow_id
           where w.kebab_name = ${bind(value)}
         )`,
    },
  },
};

export const TASK_RESOURCE: Resource = {
  name: 'Tasks',
  description: 'Steps that wait for a person.',
  operations: [
    statement(
      {
        id: 'listTasks',
        method: 'GET',
        path: '/v1/tasks',
        title: 'List tasks',
        permission: 'member',
        description:
          'Lists waiting tasks and approvals, the oldest first. With `run:read` those of the application, without it those assigned to the caller.',
        query: listQuery(TASKS),
        replies: { 200: { description: 'one page', schema: pageOf('TaskPage', StepRun) } },
        errors: [],
      },
      async (query, call) => ({ body: await readList(query, TASKS, call.query) }),
    ),
    statement(
      {
        id: 'countTasks',
        method: 'GET',
        path: '/v1/tasks/counts',
        title: 'Count tasks',
        permission: 'member',
        description: 'Counts the waiting tasks that the caller can read.',
        replies: {
          200: { description: '`{mine, role, unassigned, overdue, all}`', schema: TaskCounts },
        },
        errors: [],
      },
      async (query) => ({ body: await taskCounts(query) }),
    ),
    statement(
      {
        id: 'getTask',
        method: 'GET',
        path: '/v1/tasks/:step_run_id',
        title: 'Read a task',
        permission: 'member',
        description:
          'Returns the task, also one that is completed. `task` holds its title and form.',
        replies: { 200: AS_STEP_RUN },
        errors: ['not_found'],
      },
      async (query, { params }) => ({
        body: found(
          'task',
          await readRow(
            query,
            { table: 'step_runs', where: 't.task is not null' },
            params.step_run_id ?? '',
          ),
        ),
      }),
    ),
    statement(
      {
        id: 'claimTask',
        method: 'POST',
        path: '/v1/tasks/:step_run_id/claim',
        title: 'Claim a task',
        permission: 'member',
        description:
          'Until the caller releases a waiting task, no one else can complete it. Repeated calls have no further effect. An approval that several persons decide cannot be claimed.',
        replies: { 200: AS_STEP_RUN },
        errors: ['not_found', 'conflict'],
      },
      async (query, { params }) => ({ body: await claimTask(query, params.step_run_id ?? '') }),
    ),
    statement(
      {
        id: 'releaseTask',
        method: 'POST',
        path: '/v1/tasks/:step_run_id/release',
        title: 'Release a task',
        permission: 'member',
        description:
          'Ends the claim of a waiting task. Needs the person who claimed it, or `member:manage`.',
        replies: { 200: AS_STEP_RUN },
        errors: ['not_found', 'conflict'],
      },
      async (query, { params }) => ({ body: await releaseTask(query, params.step_run_id ?? '') }),
    ),
    statement(
      {
        id: 'delegateTask',
        method: 'POST',
        path: '/v1/tasks/:step_run_id/delegate',
        title: 'Delegate a task',
        permission: 'member',
        description:
          'Assigns a waiting task to another member. One of several assigned approvers gives away their own decision.',
        body: DelegateBody,
        replies: { 200: AS_STEP_RUN },
        errors: ['not_found', 'conflict'],
      },
      async (query, { params, body }) => ({
        body: await delegateTask(query, params.step_run_id ?? '', body.user_id, body.note),
      }),
    ),
    statement(
      {
        id: 'listTaskComments',
        method: 'GET',
        path: '/v1/tasks/:step_run_id/comments',
        title: 'List the comments on a task',
        permission: 'member',
        description: 'Lists what persons wrote about the task or approval, the oldest first.',
        query: listQuery({ sorts: COMMENTS.sorts }),
        replies: {
          200: { description: 'one page', schema: pageOf('TaskCommentPage', TaskComment) },
        },
        errors: ['not_found'],
      },
      async (query, { params: { step_run_id: id = '' }, query: given }) => {
        const task = { table: 'step_runs', columns: ['id'], where: 't.task is not null' } as const;
        found('task', await readRow(query, task, id));
        return { body: await readList(query, COMMENTS, { ...given, step_run_id: id }) };
      },
    ),
    statement(
      {
        id: 'commentTask',
        method: 'POST',
        path: '/v1/tasks/:step_run_id/comments',
        title: 'Comment on a task',
        permission: 'member',
        description:
          'Writes a comment on a task or approval, also after it was completed. Allowed for its assignees, and with `task:complete` or `run:execute`.',
        body: CommentBody,
        idempotency: 'stored',
        replies: { 201: { description: 'the comment', schema: TaskComment } },
        errors: ['not_found'],
      },
      async (query, { params, body }) => ({
        body: await commentTask(query, params.step_run_id ?? '', body.body),
      }),
    ),
    statement(
      {
        id: 'completeTask',
        method: 'POST',
        path: '/v1/tasks/:step_run_id/complete',
        title: 'Complete a task',
        permission: 'member',
        description:
          'Completes a waiting `user_task`. Needs `task:complete`; an assigned task needs its assignee or `member:manage` instead.',
        body: CompleteBody,
        replies: { 200: AS_STEP_RUN },
        errors: ['not_found', 'conflict', 'invalid_input', 'schema_too_complex'],
      },
      async (query, { params, body }) => ({
        body: await completeTask(query, params.step_run_id ?? '', body.output),
      }),
    ),
    statement(
      {
        id: 'decideApproval',
        method: 'POST',
        path: '/v1/approvals/:step_run_id',
        title: 'Decide an approval',
        permission: 'member',
        description:
          'Approves or rejects a waiting `wait_for_approval`. With `approvals_required` it stays waiting until enough persons have approved. Needs `task:complete`; an assigned approval needs its assignee or `member:manage` instead.',
        body: DecideBody,
        replies: { 200: AS_STEP_RUN },
        errors: ['not_found', 'conflict'],
      },
      async (query, { params, body }) => ({
        body: await decideApproval(query, params.step_run_id ?? '', body.approved, body.comment),
      }),
    ),
    readOnlyList({
      id: 'listTaskDecisions',
      path: '/v1/task-decisions',
      title: 'List decisions of approvals',
      permission: 'run:read',
      description: 'Lists what persons decided about approvals, the latest first.',
      component: 'TaskDecision',
      list: {
        table: 'task_decisions',
        sorts: ['-created_at'],
        filters: {
          run_id: equal('task_decisions', 'run_id'),
          step_run_id: equal('task_decisions', 'step_run_id'),
          user_id: equal('task_decisions', 'user_id'),
        },
      },
    }),
  ],
};
