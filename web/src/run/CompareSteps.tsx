// The steps of two runs beside each other: status, way, attempts, duration as bars on one scale, and where the outputs
// differ.
import { Anchor, Table, Text } from '@mantine/core';
import { useState } from 'react';
import { duration } from '../shared/format.ts';
import { StatusBadge } from '../shared/StatusBadge.tsx';
import { toneOf } from '../shared/status-tones.ts';
import classes from './compare.module.css';
import type { ComparedStep, StepSide } from './compare.ts';
import { DifferenceTable } from './data/DifferenceTable.tsx';

const SHOWN = 300;

function Cell({ side, longest }: { side: StepSide | null; longest: number }) {
  if (side === null) return <Text size="sm">not reached</Text>;
  const { status, attempts, handle, error_code, duration_ms } = side;
  const facts = [
    handle && `branch “${handle}”`,
    attempts > 1 && `${attempts} attempts`,
    error_code,
  ].filter(Boolean);
  return (
    <>
      <StatusBadge name={status} />
      {facts.length > 0 && (
        <Text size="xs" c="dimmed">
          {facts.join(', ')}
        </Text>
      )}
      {duration_ms !== undefined && (
        <div className={classes.duration}>
          <i
            data-tone={toneOf(status)}
            style={{ width: `max(2px, ${((duration_ms / longest) * 70).toFixed(1)}%)` }}
          />
          <Text span size="xs" c="dimmed">
            {duration(duration_ms)}
          </Text>
        </div>
      )}
    </>
  );
}

function StepRow({ step, longest }: { step: ComparedStep; longest: number }) {
  const [isOpen, setOpen] = useState(false);
  const { step_id, a, b, output, is_equal } = step;
  return (
    <>
      <Table.Tr data-step-row={step_id} data-equal={is_equal}>
        <Table.Td className="mono">{step_id}</Table.Td>
        <Table.Td>
          <Cell side={a} longest={longest} />
        </Table.Td>
        <Table.Td>
          <Cell side={b} longest={longest} />
        </Table.Td>
        <Table.Td>
          {output.is_equal ? (
            <Text size="sm" c="dimmed">
              equal
            </Text>
          ) : (
            <Anchor
              component="button"
              size="sm"
              aria-expanded={isOpen}
              onClick={() => setOpen(!isOpen)}
            >
              {output.differences.length}{' '}
              {output.differences.length === 1 ? 'difference' : 'differences'}
            </Anchor>
          )}
        </Table.Td>
      </Table.Tr>
      {isOpen && (
        <Table.Tr>
          <Table.Td colSpan={4}>
            <DifferenceTable
              label={`Differences of ${step_id}`}
              list={output.differences.map(({ path, change, ...values }) => ({
                path,
                kind: change,
                ...('a' in values ? { before: values.a } : {}),
                ...('b' in values ? { after: values.b } : {}),
              }))}
              before="A"
              after="B"
            />
          </Table.Td>
        </Table.Tr>
      )}
    </>
  );
}

export function CompareSteps({ steps }: { steps: readonly ComparedStep[] }) {
  const longest = Math.max(
    1,
    ...steps.flatMap(({ a, b }) => [a?.duration_ms ?? 0, b?.duration_ms ?? 0]),
  );
  return (
    <Table.ScrollContainer
      minWidth={560}
      scrollAreaProps={{ viewportProps: { tabIndex: 0, 'aria-label': 'Steps of both runs' } }}
    >
      <Table
        verticalSpacing={6}
        aria-label="Steps of both runs"
        bg="var(--sb-surface)"
        withTableBorder
      >
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Step</Table.Th>
            <Table.Th w="28%">A</Table.Th>
            <Table.Th w="28%">B</Table.Th>
            <Table.Th>Output</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {steps.slice(0, SHOWN).map((step) => (
            <StepRow key={step.step_id} step={step} longest={longest} />
          ))}
        </Table.Tbody>
      </Table>
      {steps.length > SHOWN && (
        <Text size="sm" c="dimmed" p="xs">
          The first {SHOWN} of {steps.length} steps are shown.
        </Text>
      )}
    </Table.ScrollContainer>
  );
}
