// The blocks of supabase/migrations: the first four of the last six digits of a file name are the block.

export const BLOCKS: Readonly<Record<string, { title: string; purpose: string }>> = {
  '0001': {
    title: 'Ground',
    purpose: 'Schemas, default privileges, errors, JSON Schema and the clock.',
  },
  '0002': {
    title: 'Lookups',
    purpose: 'Tables of fixed values: statuses, roles, step types, transitions.',
  },
  '0003': {
    title: 'Tenancy',
    purpose: 'Organizations, applications, users, members, claims, Auth hooks and API keys.',
  },
  '0004': { title: 'Registry', purpose: 'Components and prompts that steps refer to.' },
  '0005': {
    title: 'Definitions',
    purpose: 'Workflows, versions, their graph, and everything that a workflow declares.',
  },
  '0006': { title: 'Queue', purpose: 'The tables of pg-boss.' },
  '0007': { title: 'Run tables', purpose: 'Runs, step runs, context, events, signals, outbox.' },
  '0008': {
    title: 'Kernel',
    purpose: 'The transitions of a run: claim, complete, fail, wait, and what follows from them.',
  },
  '0009': {
    title: 'Time and recovery',
    purpose: 'Timers, timeouts, release and the sweep that recovers abandoned work.',
  },
  '0010': {
    title: 'Admission',
    purpose: 'The backlog, concurrency limits, starting a run, and eager execution.',
  },
  '0011': {
    title: 'Features',
    purpose: 'for_each, child workflows, signals, queues, schedules, triggers, compensation.',
  },
  '0012': { title: 'Relay and workers', purpose: 'The outbox relay, heartbeats and wake-ups.' },
  '0013': { title: 'RPCs', purpose: 'The functions that clients call.' },
  '0014': { title: 'Insight', purpose: 'Statistics, audit log and search.' },
  '0015': {
    title: 'Retention',
    purpose: 'Partitions, pruning, the maintenance call, and the privileges on functions.',
  },
};

/** The block of a migration, from `20261101000812_fail.sql` → `0008`. */
export function blockOf(file: string): string {
  return file.slice(8, 12);
}
