// Values of a config that are the same in every run but can only be checked in TypeScript: dates, addresses. The database
// checks everything that its JSON Schema can express.

import { refinementScope } from '../step-types/config.ts';
import { type Fault, pointerTo } from './fault.ts';
import type { Part } from './graph.ts';
import { isLiteral } from './json.ts';

export function literalFaults(part: Part, node: string): Fault[] {
  const parsed = part.type.config.safeParse(part.config);
  if (parsed.success) return [];
  return parsed.error.issues.flatMap((issue): Fault[] => {
    if (issue.code !== 'custom' || refinementScope(issue.params) !== 'run time') return [];
    const path = issue.path.map(String);
    let value: unknown = part.config;
    for (const key of path) value = (value as Readonly<Record<string, unknown>>)[key];
    if (!isLiteral(value)) return [];
    const name = path.join('.');
    return [
      {
        node,
        pointer: pointerTo(part.pointer, ...path),
        code: 'invalid_config',
        message: `config.${name} ${issue.message}`,
        severity: 'error',
      },
    ];
  });
}
