// logs: the log lines that the steps of a run have written.
import { setTimeout as pause } from 'node:timers/promises';
import { hasEnded } from '../../../sdk/src/rows.ts';
import type { Context, Result } from '../context.ts';
import { type Output, timeText } from '../output.ts';
import { segment } from '../server.ts';

export interface LogsOptions {
  step?: string;
  level?: string;
  follow?: boolean;
}

interface LogLine {
  seq: number;
  step_id: string;
  level: string;
  message: string;
  data: unknown;
  logged_at: string;
}

const FOLLOW_MS = 1_000;

export async function logs(
  { server, stepbase, out }: Context,
  runId: string,
  { step, level, follow = false }: LogsOptions,
): Promise<Result> {
  const path = `/v1/runs/${segment(runId)}/logs`;
  const read = (after: number) => server.list<LogLine>(path, { step, level, after });
  if (!follow) {
    const lines = await read(0);
    if (lines.length === 0) return { data: lines, lines: ['The run has no such log lines.'] };
    return { data: lines, lines: lines.map((line) => logLine(out, line)) };
  }
  let last = 0;
  for (;;) {
    // In this order: the run writes no line after its end.
    const { status } = await stepbase.run(runId).get();
    for (const line of await read(last)) {
      last = line.seq;
      if (out.json) out.record(line);
      else out.line(logLine(out, line));
    }
    if (hasEnded(status)) return {};
    await pause(FOLLOW_MS);
  }
}

const COLORS: Readonly<Record<string, 'red' | 'yellow'>> = { error: 'red', warn: 'yellow' };

function logLine(out: Output, { step_id, level, message, data, logged_at }: LogLine): string {
  const more = data === null ? '' : `  ${JSON.stringify(data)}`;
  const color = COLORS[level];
  const shown = color === undefined ? level : out.style(color, level);
  return `${timeText(logged_at)}  ${shown.padEnd(5)}  ${step_id}  ${message}${more}`;
}
