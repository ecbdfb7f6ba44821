// `StatusBadge name="running"`: the status of a run, step, delivery or other row, as a dot and its name. The colors have
// a contrast of at least 4.5:1 in both themes. `data-status` has the name for tests.
import { words } from './format.ts';
import classes from './StatusBadge.module.css';

/** The tone of each status; others are neutral. */
const TONES: Readonly<Record<string, string>> = {
  running: 'running',
  ready: 'running',
  pending: 'neutral',
  waiting: 'waiting',
  paused: 'waiting',
  completed: 'done',
  published: 'done',
  active: 'done',
  delivered: 'done',
  failed: 'danger',
  timed_out: 'danger',
};

export const toneOf = (status: string): string => TONES[status] ?? 'neutral';

interface Props {
  name: string;
  /** Instead of the name in words. */
  label?: string;
}

export function StatusBadge({ name, label }: Props) {
  return (
    <span className={classes.status} data-status={name} data-tone={toneOf(name)}>
      <span className={classes.dot} aria-hidden="true" />
      {label ?? words(name)}
    </span>
  );
}
