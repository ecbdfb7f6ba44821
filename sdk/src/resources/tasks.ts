// Tasks: steps that wait for a person.
import type { Backend } from '../backend.ts';
import { List, type ListOptions, REQUEST_MS } from '../list.ts';
import { type Args, COLLECTIONS, OPERATIONS, type Operation } from '../operations.ts';
import type { Task } from '../rows.ts';
import { type CallOptions, withDeadline } from '../time.ts';

/** All conditions apply. */
export interface TaskFilter {
  /** Tasks of this run. */
  runId?: string | undefined;
  /** Only tasks of the signed-in user: assigned to them or to their role, or claimed by them. */
  mine?: true | undefined;
  /** The id of a user. */
  assignedTo?: string | undefined;
  /** The id of a user. */
  claimedBy?: string | undefined;
  /** A role that may complete the task. */
  assignedRole?: string | undefined;
}

/** Steps that wait for a person. The id of a task is that of its row in `step_runs`. */
export interface Tasks {
  /** Waiting tasks, the oldest first. */
  list(filter?: TaskFilter, options?: ListOptions): List<Task>;
  /** A task, also one that is completed. */
  get(taskId: string, options?: CallOptions): Promise<Task>;
  /** Until the caller releases the task, no one else can complete it. */
  claim(taskId: string, options?: CallOptions): Promise<Task>;
  /** Gives a claimed task back. */
  release(taskId: string, options?: CallOptions): Promise<Task>;
  /** Assigns the task to another member. */
  delegate(
    taskId: string,
    userId: string,
    options?: CallOptions & { note?: string | undefined },
  ): Promise<Task>;
  /** Completes a `user_task` with the answers of its form. */
  complete(taskId: string, output?: object, options?: CallOptions): Promise<Task>;
  /** Approves or rejects a `wait_for_approval`. */
  decide(
    taskId: string,
    decision: { approved: boolean; comment?: string | undefined },
    options?: CallOptions,
  ): Promise<Task>;
}

export function createTasks(backend: Backend): Tasks {
  const act = (operation: Operation, taskId: string, args: Args, options: CallOptions = {}) =>
    withDeadline(operation.rpc, options, REQUEST_MS, (signal) =>
      backend.call<Task>(operation, { step_run_id: taskId, ...args }, signal),
    );
  return {
    list(filter = {}, options = {}) {
      const { runId, mine, assignedTo, claimedBy, assignedRole } = filter;
      const filters = {
        run_id: runId,
        mine,
        assigned_to: assignedTo,
        claimed_by: claimedBy,
        assigned_role: assignedRole,
      };
      return new List(
        'the list of tasks',
        (place, signal) => backend.page(COLLECTIONS.tasks, filters, place, signal),
        options,
      );
    },
    get: (taskId, options = {}) =>
      withDeadline('the task', options, REQUEST_MS, (signal) =>
        backend.read(COLLECTIONS.tasks, taskId, signal),
      ),
    claim: (taskId, options) => act(OPERATIONS.claimTask, taskId, {}, options),
    release: (taskId, options) => act(OPERATIONS.releaseTask, taskId, {}, options),
    delegate: (taskId, userId, { note, ...options } = {}) =>
      act(OPERATIONS.delegateTask, taskId, { user_id: userId, note }, options),
    complete: (taskId, output = {}, options = {}) =>
      act(OPERATIONS.completeTask, taskId, { output }, options),
    decide: (taskId, { approved, comment }, options) =>
      act(OPERATIONS.decideApproval, taskId, { approved, comment }, options),
  };
}
