// The mix of runs under chaos: every way a run can go, each with what is right about it.

import type { Kind, Shake } from './kind.ts';
import { control } from './mix/control.ts';
import { failures } from './mix/failures.ts';
import { graphs } from './mix/graphs.ts';
import { limits } from './mix/limits.ts';
import { others } from './mix/others.ts';
import { waiting } from './mix/waiting.ts';

export function mixOf(shake: Shake): Kind[] {
  return [graphs, failures, waiting, control, limits, others].flatMap((part) => part(shake));
}
