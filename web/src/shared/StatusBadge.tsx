// `StatusBadge name="running"`: the status of a run, step, delivery or other row, as a dot and its name. The colors have
// a contrast of at least 4.5:1 in both themes. `data-status` has the name for tests.
import { words } from './format.ts';
import classes from './StatusBadge.module.css';
import { toneOf } from './status-tones.ts';

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
