// Formats the findings for a terminal: those that need a person first.

import type { Finding } from './finding.ts';

const ORDER = ['failed', 'warning', 'ok'] as const;
const many = (count: number, noun: string) => `${count} ${noun}${count === 1 ? '' : 's'}`;

export function toText(findings: readonly Finding[]): string {
  const width = Math.max(...findings.map(({ check }) => check.length));
  const lines = ORDER.flatMap((status) =>
    findings
      .filter((found) => found.status === status)
      .flatMap(({ check, finding, fix }) => {
        const head = `${status.padEnd(7)}  ${check.padEnd(width)}  `;
        return [head + finding, ...(fix === null ? [] : [`${' '.repeat(head.length)}fix: ${fix}`])];
      }),
  );
  const count = (status: Finding['status']) =>
    findings.filter((found) => found.status === status).length;
  lines.push(
    '',
    `${many(count('failed'), 'failure')}, ${many(count('warning'), 'warning')}, ${count('ok')} ok`,
  );
  return lines.join('\n');
}
