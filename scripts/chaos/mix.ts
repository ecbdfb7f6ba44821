// The mix of runs under chaos: every kind of run, each with its check.

import type { ChaosContext, Kind } from './kind.ts';
import { control } from './mix/control.ts';
import { failures } from './mix/failures.ts';
import { graphs } from './mix/graphs.ts';
import { limits } from './mix/limits.ts';
import { others } from './mix/others.ts';
import { sql } from './mix/sql.ts';
import { waiting } from './mix/waiting.ts';

export function mixOf(context: ChaosContext): Kind[] {
  return [graphs, failures, waiting, control, limits, others, sql].flatMap((part) => part(context));
}
