// The faults of definitions, as lines.
import type { Output } from '../output.ts';
import type { Fault } from './stored.ts';

export const errorsOf = (faults: readonly Fault[]): Fault[] =>
  faults.filter(({ severity }) => severity === 'error');

export function faultLines(out: Output, workflow: string, faults: readonly Fault[]): string[] {
  return faults.flatMap(({ node, pointer, code, message, hint, severity }) => {
    const place = node === null ? pointer : `${node} ${pointer}`;
    const mark = out.style(severity === 'error' ? 'red' : 'yellow', `${severity}:`);
    const lines = [`${workflow}  ${place}`.trimEnd(), `  ${mark} ${message} (${code})`];
    return hint === undefined ? lines : [...lines, `  ${hint}`];
  });
}
