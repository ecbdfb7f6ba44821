// The run's events, newest first.

import { timeOnly, words } from '../shared/format.ts';
import type { RunEvent } from '../shared/supabase.ts';

/** The step, with its item, or marked as a compensation or a tool of an agent. */
function stepOf({ step_id, item_index }: RunEvent): string {
  if (!item_index) return step_id ?? '';
  if (item_index < -1) return `${step_id} (tool ${-1 - item_index})`;
  return item_index < 0 ? `${step_id} (undo)` : `${step_id} (item ${item_index})`;
}

/** When the step of the event started, if one event tells its start and its completion. */
function startedAt({ event_type, payload }: RunEvent): string | undefined {
  if (event_type !== 'step.completed') return undefined;
  return (payload as { started_at?: string } | null)?.started_at;
}

/** Whether a condition has a value that is not the handle of an edge. */
const takesNoEdge = ({ payload }: RunEvent) =>
  (payload as { no_edge?: boolean } | null)?.no_edge === true;

export function History({ events }: { events: RunEvent[] }) {
  return (
    <section className="card panel" aria-label="History">
      <h2>History</h2>
      <ol className="history">
        {events.map((event) => (
          <li key={event.seq} data-seq={event.seq}>
            <span className="muted small mono">{event.seq}</span>
            <span>
              {words(startedAt(event) ? 'step.started and completed' : event.event_type)}
              {event.step_id && <span className="mono small"> {stepOf(event)}</span>}
              {takesNoEdge(event) && <span className="small"> (takes no edge)</span>}
            </span>
            <time className="muted small" dateTime={event.created_at}>
              {timeOnly(event.created_at)}
            </time>
          </li>
        ))}
      </ol>
    </section>
  );
}
