// The tone of a status: neutral, running, waiting, done or danger, each with a color in both themes.

/** The tone of each status of a row; tests/web/status.tones.test.ts compares them with the database. */
export const TONES: Readonly<Record<string, string>> = {
  // Runs, steps, operations, workers.
  pending: 'neutral',
  ready: 'running',
  running: 'running',
  waiting: 'waiting',
  paused: 'waiting',
  completed: 'done',
  failed: 'danger',
  timed_out: 'danger',
  cancelled: 'neutral',
  skipped: 'neutral',
  not_reached: 'neutral',
  stopped: 'neutral',
  draining: 'waiting',
  lost: 'danger',
  error: 'danger',
  promoted: 'done',
  // Workflows, versions, keys, accounts.
  draft: 'neutral',
  published: 'done',
  active: 'done',
  inactive: 'neutral',
  deactivated: 'neutral',
  disabled: 'neutral',
  archived: 'neutral',
  deprecated: 'waiting',
  expired: 'neutral',
  revoked: 'neutral',
  // Invitations and decisions.
  open: 'waiting',
  accepted: 'done',
  declined: 'neutral',
  approval: 'waiting',
  approved: 'done',
  rejected: 'danger',
  // Deliveries, calls of webhooks, times of schedules.
  delivered: 'done',
  dead: 'danger',
  failing: 'danger',
  started: 'done',
  queued: 'neutral',
  taken: 'running',
  done: 'done',
  missed: 'waiting',
  duplicate: 'neutral',
  handshake: 'neutral',
  refused: 'waiting',
  bad_signature: 'danger',
};

export const toneOf = (status: string): string => TONES[status] ?? 'neutral';
