// Each change between two versions: what was added, removed or changed, with the old and the new value.
import { Stack, Text } from '@mantine/core';
import { words } from '../../shared/format.ts';
import { EmptyState } from '../../shared/states.tsx';
import classes from './ChangeList.module.css';
import type { Difference, Element, ElementChanges, VersionDiff } from './diff.ts';

type Tone = 'added' | 'removed' | 'changed';

interface Change {
  key: string;
  tone: Tone;
  title: string;
  differences: readonly Difference[];
}

const nameOf = ({ id, type, source, target, sourceHandle }: Element): string =>
  source === undefined
    ? `Step ${id}${type ? ` (${words(type)})` : ''}`
    : `Connection ${source}${sourceHandle ? ` (${words(sourceHandle)})` : ''} → ${target ?? ''}`;

function changesOf(kind: string, changes: ElementChanges): Change[] {
  return (['added', 'removed', 'changed'] as const).flatMap((tone) =>
    changes[tone].map((element) => ({
      key: `${kind} ${tone} ${element.id}`,
      tone,
      title: `${nameOf(element)} ${tone}`,
      differences: element.differences ?? [],
    })),
  );
}

function schemaChange(title: string, differences: readonly Difference[] = []): Change[] {
  return differences.length === 0
    ? []
    : [{ key: title, tone: 'changed', title: `${title} changed`, differences }];
}

const text = (value: unknown) => JSON.stringify(value, null, 2);

export function ChangeList({ diff }: { diff: VersionDiff }) {
  const changes = [
    ...changesOf('node', diff.nodes),
    ...changesOf('edge', diff.edges),
    ...schemaChange('Input schema', diff.input_schema.differences),
    ...schemaChange('Output schema', diff.output_schema.differences),
  ];
  if (changes.length === 0) {
    return <EmptyState title="No differences">Both versions do the same.</EmptyState>;
  }
  return (
    <Stack gap="xs" component="ul" m={0} p={0} style={{ listStyle: 'none' }}>
      {changes.map(({ key, tone, title, differences }) => (
        <li key={key} className={classes.change} data-tone={tone}>
          <Text size="sm" fw={600}>
            {title}
          </Text>
          {differences.map(({ path, a, b }) => (
            <div key={path} className={classes.values}>
              <span className="mono">{path || '/'}</span>
              {a !== undefined && (
                <code>
                  <Text span size="xs" c="var(--sb-danger)" aria-hidden="true">
                    −{' '}
                  </Text>
                  <span className="mono">{text(a)}</span>
                </code>
              )}
              {b !== undefined && (
                <code>
                  <Text span size="xs" c="var(--sb-done)" aria-hidden="true">
                    +{' '}
                  </Text>
                  <span className="mono">{text(b)}</span>
                </code>
              )}
            </div>
          ))}
        </li>
      ))}
    </Stack>
  );
}
