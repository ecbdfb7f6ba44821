// Numbers with their names, side by side: `<Facts><Fact label="Success" value="98 %" /></Facts>`.
import type { ReactNode } from 'react';
import classes from './Facts.module.css';

export function Facts({ children }: { children: ReactNode }) {
  return <dl className={classes.facts}>{children}</dl>;
}

interface Props {
  label: ReactNode;
  value: ReactNode;
  /** A number that should be zero and is not. */
  isBad?: boolean;
}

export function Fact({ label, value, isBad = false }: Props) {
  return (
    <div>
      <dt>{label}</dt>
      <dd data-bad={isBad || undefined}>{value}</dd>
    </div>
  );
}
