// The last results of a workflow as bars, oldest first; the whole strip is one link to its runs.
import { AppLink } from '../shared/address.tsx';
import { words } from '../shared/format.ts';
import { toneOf } from '../shared/status-tones.ts';
import type { Result } from './listed.ts';
import classes from './ResultStrip.module.css';

const BARS = 20;

/** "17 completed, 2 failed, 1 running". */
function inWords(results: readonly Result[]): string {
  const counts = new Map<string, number>();
  for (const { status } of results) counts.set(status, (counts.get(status) ?? 0) + 1);
  return [...counts].map(([status, count]) => `${count} ${words(status)}`).join(', ');
}

interface Props {
  workflow: { kebab_name: string; name: string };
  /** Newest first. */
  results: readonly Result[];
}

export function ResultStrip({ workflow, results }: Props) {
  const bars = [...results].reverse();
  const missing = Array.from({ length: Math.max(0, BARS - bars.length) }, (_, n) => n);
  const text = results.length === 0 ? 'no runs yet' : inWords(results);
  return (
    <AppLink
      to={`/runs?workflow=${workflow.kebab_name}`}
      className={classes.strip}
      aria-label={`Last runs of ${workflow.name}: ${text}`}
      title={text}
    >
      {missing.map((n) => (
        <span key={n} className={classes.bar} data-tone="none" />
      ))}
      {bars.map(({ id, status }) => (
        <span key={id} className={classes.bar} data-tone={toneOf(status)} />
      ))}
    </AppLink>
  );
}
