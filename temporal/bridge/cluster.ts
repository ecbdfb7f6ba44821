// Temporal as the bridge uses it: namespaces, starts, signals, histories. Errors are sorted by what the bridge does
// about them; everything else is retried.

import {
  Client,
  Connection,
  WorkflowExecutionAlreadyStartedError,
  WorkflowNotFoundError,
} from '@temporalio/client';
import type { temporal } from '@temporalio/proto';
import { COMMAND_SIGNAL, type Command, type StartArgs } from '../records.ts';

type HistoryEvent = temporal.api.history.v1.IHistoryEvent;

/** Codes of gRPC. */
const INVALID_ARGUMENT = 3;
const DEADLINE_EXCEEDED = 4;
const CANCELLED = 1;
const NOT_FOUND = 5;
const ALREADY_EXISTS = 6;

export interface ClusterOptions {
  address: string;
  /** Of Temporal Cloud, or of a proxy in front of the cluster. */
  apiKey?: string | undefined;
  tls?: boolean;
  /** How long Temporal keeps closed workflows of the namespaces that the bridge registers. */
  retentionDays: number;
}

export interface HistoryPage {
  /** With the first page: the execution, and the first one of the workflow, before it continued as new. */
  temporalRunId: string | undefined;
  firstRunId: string | undefined;
  events: HistoryEvent[];
  /** Continues behind these events, also after they were all; empty: the execution has closed. */
  token: Uint8Array;
}

export interface Cluster {
  /** Registers the namespace, unless it exists. */
  ensureNamespace(namespace: string): Promise<void>;
  /** A workflow that was started before is left alone. */
  start(run: {
    namespace: string;
    id: string;
    type: string;
    taskQueue: string;
    args: StartArgs;
  }): Promise<void>;
  /** False: the workflow is closed. */
  send(namespace: string, runId: string, command: Command): Promise<boolean>;
  terminate(namespace: string, runId: string, reason: string): Promise<void>;
  /** Waits up to `waitMs` for new events; undefined: there were none. Null: no such workflow. */
  history(of: {
    namespace: string;
    runId: string;
    temporalRunId: string | undefined;
    token: Uint8Array | undefined;
    waitMs: number;
    signal: AbortSignal;
  }): Promise<HistoryPage | undefined | null>;
  check(): Promise<void>;
  close(): Promise<void>;
}

const codeOf = (error: unknown): number | undefined => {
  const { code, cause } = (error ?? {}) as { code?: unknown; cause?: unknown };
  return typeof code === 'number' ? code : cause ? codeOf(cause) : undefined;
};

/** Temporal does not accept the message, however often it is sent: it is too large, for example. */
export const isRefused = (error: unknown): boolean => codeOf(error) === INVALID_ARGUMENT;

export function createCluster(options: ClusterOptions): Cluster {
  const connection = Connection.lazy({
    address: options.address,
    tls: options.tls ?? options.apiKey !== undefined,
    ...(options.apiKey === undefined ? {} : { apiKey: options.apiKey }),
  });
  const service = connection.workflowService;
  const known = new Set<string>();
  const clients = new Map<string, Client>();
  const clientOf = (namespace: string): Client => {
    const client = clients.get(namespace) ?? new Client({ connection, namespace });
    clients.set(namespace, client);
    return client;
  };

  return {
    async ensureNamespace(namespace) {
      if (known.has(namespace)) return;
      try {
        await service.describeNamespace({ namespace });
      } catch (error) {
        if (codeOf(error) !== NOT_FOUND) throw error;
        await service
          .registerNamespace({
            namespace,
            description: 'Runs of an application of Stepbase',
            workflowExecutionRetentionPeriod: {
              seconds: (options.retentionDays * 86_400) as never,
            },
          })
          .catch((again: unknown) => {
            if (codeOf(again) !== ALREADY_EXISTS) throw again;
          });
      }
      known.add(namespace);
    },
    async start({ namespace, id, type, taskQueue, args }) {
      try {
        await clientOf(namespace).workflow.start(type, {
          workflowId: id,
          taskQueue,
          args: [args],
          workflowIdReusePolicy: 'REJECT_DUPLICATE',
        });
      } catch (error) {
        if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
      }
    },
    async send(namespace, runId, command) {
      try {
        await clientOf(namespace).workflow.getHandle(runId).signal(COMMAND_SIGNAL, command);
        return true;
      } catch (error) {
        if (error instanceof WorkflowNotFoundError) return false;
        throw error;
      }
    },
    async terminate(namespace, runId, reason) {
      try {
        await clientOf(namespace).workflow.getHandle(runId).terminate(reason);
      } catch (error) {
        if (!(error instanceof WorkflowNotFoundError)) throw error;
      }
    },
    async history({ namespace, runId, temporalRunId, token, waitMs, signal }) {
      try {
        const page = await connection.withDeadline(Date.now() + waitMs, () =>
          connection.withAbortSignal(signal, () =>
            service.getWorkflowExecutionHistory({
              namespace,
              execution: { workflowId: runId, runId: temporalRunId ?? '' },
              waitNewEvent: true,
              ...(token ? { nextPageToken: token } : {}),
            }),
          ),
        );
        const events = page.history?.events ?? [];
        const first = events[0]?.workflowExecutionStartedEventAttributes;
        return {
          temporalRunId: first?.originalExecutionRunId ?? temporalRunId,
          firstRunId: first?.firstExecutionRunId ?? undefined,
          events,
          token: page.nextPageToken ?? new Uint8Array(),
        };
      } catch (error) {
        const code = codeOf(error);
        if (code === DEADLINE_EXCEEDED || (code === CANCELLED && signal.aborted)) return undefined;
        if (code === NOT_FOUND) return null;
        throw error;
      }
    },
    async check() {
      await connection.withDeadline(Date.now() + 5_000, () => service.getSystemInfo({}));
    },
    close: () => connection.close(),
  };
}
