// Who changed what, and who works: the audit log and workers.
import { z } from 'zod';
import { Time } from '../components.ts';
import { equal, type ListSpec, listQuery, pageOf, readList } from '../lists.ts';
import { type Resource, statement } from '../operation.ts';
import { auditAnchor, verifyAuditLog } from '../resource-queries.ts';
import { named, row } from '../rows.ts';

const count = () => z.number().int();
const time = () => z.string().nullable();

const AUDIT: ListSpec = {
  table: 'audit_log',
  sorts: ['-created_at'],
  filters: {
    table_name: equal('audit_log', 'table_name'),
    row_id: equal('audit_log', 'row_id'),
    operation: equal('audit_log', 'operation', ['insert', 'update', 'delete', 'read']),
    actor_id: equal('audit_log', 'actor_id'),
    api_key_id: equal('audit_log', 'api_key_id'),
    created_from: {
      schema: Time,
      where: (value, bind) => `t.created_at >= ${bind(value)}::timestamptz`,
    },
    created_before: {
      schema: Time,
      where: (value, bind) => `t.created_at < ${bind(value)}::timestamptz`,
    },
  },
};

const SEALS: ListSpec = {
  table: 'audit_seals',
  sorts: ['-seq'],
  key: [],
};

const Hash = z.string().regex(/^[0-9a-f]{64}$/);
const Seq = z.number().int().min(1).max(999_999_999_999_999);

const AuditAnchor = named('AuditAnchor', () =>
  z.object({
    app_code: z.string(),
    seq: count().nullable().describe('Null before the first seal.'),
    hash: z.string().nullable(),
    sealed_at: time(),
  }),
);
const AuditVerification = named('AuditVerification', () =>
  z.object({
    verified: z.boolean(),
    app_code: z.string(),
    seals: count().describe('Seals that are as they should be.'),
    rows: count().describe('Rows that these seals cover.'),
    dropped_rows: count().describe('Rows that retention dropped.'),
    next_seq: count().nullable().describe('`from_seq` of the next request; null at the end.'),
    problem: z
      .object({
        code: z.enum([
          'seal_missing',
          'chain_broken',
          'seal_changed',
          'rows_changed',
          'anchor_missing',
          'anchor_differs',
        ]),
        seq: count(),
        message: z.string(),
        months: z.array(z.string()).optional().describe('The months whose rows differ.'),
      })
      .nullable()
      .describe('The first problem.'),
  }),
);

const WORKERS: ListSpec = {
  table: 'workers',
  sorts: ['-last_heartbeat_at'],
  filters: {
    status: equal('workers', 'status'),
    task_queue_name: equal('workers', 'task_queue_name'),
    mode: equal('workers', 'mode', ['resident', 'invocation']),
  },
};

export const AUDIT_RESOURCE: Resource = {
  name: 'Audit log',
  description: 'Changes of configuration, and the seals that prove that no row was altered.',
  operations: [
    statement(
      {
        id: 'listAuditLog',
        method: 'GET',
        path: '/v1/audit-log',
        title: 'List changes',
        permission: 'audit:read',
        description: 'Lists changes of configuration rows, the newest first.',
        query: listQuery(AUDIT),
        replies: {
          200: { description: 'one page', schema: pageOf('AuditPage', row('audit_log', 'Change')) },
        },
        errors: [],
      },
      async (query, call) => ({ body: await readList(query, AUDIT, call.query) }),
    ),
    statement(
      {
        id: 'listAuditSeals',
        method: 'GET',
        path: '/v1/audit-log/seals',
        title: 'List seals',
        permission: 'audit:read',
        description: 'Lists the seals of the audit log: the chain of hashes of its rows.',
        query: listQuery(SEALS),
        replies: {
          200: { description: 'one page', schema: pageOf('SealPage', row('audit_seals', 'Seal')) },
        },
        errors: [],
      },
      async (query, call) => ({ body: await readList(query, SEALS, call.query) }),
    ),
    statement(
      {
        id: 'readAuditAnchor',
        method: 'GET',
        path: '/v1/audit-log/anchor',
        title: 'Read the newest seal',
        permission: 'audit:read',
        description:
          'Returns the number and hash of the newest seal. Keep them outside of the database.',
        replies: {
          200: { description: '`{app_code, seq, hash, sealed_at}`', schema: AuditAnchor },
        },
        errors: [],
      },
      async (query) => ({ body: await auditAnchor(query) }),
    ),
    statement(
      {
        id: 'verifyAuditLog',
        method: 'POST',
        path: '/v1/audit-log/verify',
        title: 'Verify the audit log',
        permission: 'audit:read',
        description:
          'Computes the seals again and compares. With an `anchor` that was kept elsewhere, it also finds a log that was rewritten with its seals. A request checks about 50,000 rows.',
        body: z.strictObject({
          anchor: z
            .strictObject({ seq: Seq, hash: Hash })
            .optional()
            .describe('A seal that must be in the chain.'),
          from_seq: Seq.default(1).describe('The first seal to check.'),
        }),
        replies: { 200: { description: 'the result', schema: AuditVerification } },
        errors: [],
      },
      async (query, { body }) => ({ body: await verifyAuditLog(query, body) }),
    ),
  ],
};

export const WORKER_RESOURCE: Resource = {
  name: 'Workers',
  description: 'Processes that execute steps.',
  operations: [
    statement(
      {
        id: 'listWorkers',
        method: 'GET',
        path: '/v1/workers',
        title: 'List workers',
        permission: 'worker:read',
        description: 'Lists the workers that serve the application, by their latest heartbeat.',
        query: listQuery(WORKERS),
        replies: {
          200: { description: 'one page', schema: pageOf('WorkerPage', row('workers', 'Worker')) },
        },
        errors: [],
      },
      async (query, call) => ({ body: await readList(query, WORKERS, call.query) }),
    ),
  ],
};
