// The items of a for_each as a strip of colors in the order of the list. A part of it has the color of the status in it
// that needs attention most. The strip is one Tab stop: the arrow keys move, Enter shows the items.
import { type KeyboardEvent, useState } from 'react';
import { words } from '../../shared/format.ts';
import { toneOf } from '../../shared/status-tones.ts';
import { worstStatus } from '../graph/states.ts';
import type { ItemCounts } from './Items.tsx';
import classes from './step.module.css';

interface Props {
  counts: ItemCounts;
  /** The place, from 0, of the first item of the chosen part. */
  onChoose(first: number): void;
}

interface Part {
  first: number;
  last: number;
  tone: string;
  status: string;
  label: string;
}

function partsOf({ total, bucket_size, buckets }: ItemCounts): Part[] {
  const known = new Map(buckets.map((bucket) => [bucket.first, bucket.counts]));
  return Array.from({ length: Math.ceil(total / bucket_size) }, (_, place) => {
    const first = place * bucket_size;
    const last = Math.min(total, first + bucket_size) - 1;
    const counts = known.get(first) ?? {};
    const status = worstStatus(Object.keys(counts));
    const isEmpty = Object.keys(counts).length === 0;
    const what = isEmpty
      ? 'not started'
      : Object.entries(counts)
          .map(([name, number]) => `${number} ${words(name)}`)
          .join(', ');
    return {
      first,
      last,
      status: isEmpty ? 'not_started' : status,
      tone: isEmpty ? 'none' : toneOf(status),
      label: `${first === last ? `Item ${first}` : `Items ${first} to ${last}`}: ${what}`,
    };
  });
}

export function HeatStrip({ counts, onChoose }: Props) {
  const [at, setAt] = useState(0);
  const parts = partsOf(counts);
  const current = parts[Math.min(at, parts.length - 1)];
  if (current === undefined) return null;

  function onKeyDown(event: KeyboardEvent): void {
    const moves: Record<string, number> = {
      ArrowLeft: at - 1,
      ArrowRight: at + 1,
      Home: 0,
      End: parts.length - 1,
    };
    const next = moves[event.key];
    if (next !== undefined) {
      event.preventDefault();
      setAt(Math.min(parts.length - 1, Math.max(0, next)));
    } else if ((event.key === 'Enter' || event.key === ' ') && current) {
      event.preventDefault();
      onChoose(current.first);
    }
  }

  return (
    <div
      className={classes.strip}
      role="slider"
      tabIndex={0}
      aria-label="Items by place"
      aria-valuemin={0}
      aria-valuemax={Math.max(0, counts.total - 1)}
      aria-valuenow={current.first}
      aria-valuetext={current.label}
      onKeyDown={onKeyDown}
    >
      {parts.map((part, place) => (
        // biome-ignore lint/a11y/useKeyWithClickEvents: the keys are those of the strip
        // biome-ignore lint/a11y/noStaticElementInteractions: a part of the slider
        <i
          key={part.first}
          title={part.label}
          data-tone={part.tone}
          data-first={part.first}
          data-status={part.status}
          data-current={place === at}
          onClick={() => {
            setAt(place);
            onChoose(part.first);
          }}
        />
      ))}
    </div>
  );
}
