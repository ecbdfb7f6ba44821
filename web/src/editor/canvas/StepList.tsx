// The steps as a list in the order of the graph: the same edits without the canvas, for screen readers and phones.
import {
  ActionIcon,
  Badge,
  Box,
  Group,
  Menu,
  Table,
  Text,
  UnstyledButton,
  VisuallyHidden,
} from '@mantine/core';
import { IconDots } from '@tabler/icons-react';
import { useMemo } from 'react';
import { StatusBadge } from '../../shared/StatusBadge.tsx';
import { EmptyState } from '../../shared/states.tsx';
import type { EditorCommands } from '../commands.ts';
import classes from '../editor.module.css';
import { useEditor } from '../editor-context.tsx';
import { labelOf, type Step, upstreamOf } from '../model/definition.ts';

export function StepList({ commands }: { commands: EditorCommands }) {
  const { doc, types, faultsOf, statuses, selection, open, mayWrite } = useEditor();
  const { definition } = doc.draft;
  const ordered = useMemo(
    () =>
      definition.nodes
        .map((step) => ({ step, depth: upstreamOf(definition, step.id).length }))
        .sort((a, b) => a.depth - b.depth)
        .map(({ step }) => step),
    [definition],
  );
  if (ordered.length === 0)
    return <EmptyState title="No steps yet">Add the first step.</EmptyState>;

  const next = (step: Step) => definition.edges.filter(({ source }) => source === step.id);
  return (
    <Table aria-label="Steps" verticalSpacing="xs" layout="auto">
      <Table.Thead>
        <Table.Tr>
          <Table.Th>Step</Table.Th>
          <Table.Th>Then</Table.Th>
          <Table.Th visibleFrom="xs">State</Table.Th>
          {mayWrite && (
            <Table.Th w={48}>
              <VisuallyHidden>Actions</VisuallyHidden>
            </Table.Th>
          )}
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {ordered.map((step) => {
          const faults = faultsOf.get(step.id) ?? [];
          const status = statuses.get(step.id);
          const state = (
            <>
              {status !== undefined && <StatusBadge name={status} />}
              {faults.length > 0 && (
                <Text size="xs" className={classes.fault ?? ''}>
                  {faults.length} {faults.length === 1 ? 'problem' : 'problems'}
                </Text>
              )}
            </>
          );
          return (
            <Table.Tr
              key={step.id}
              className={classes.row ?? ''}
              data-step-row={step.id}
              {...(selection.steps.has(step.id) ? { 'data-selected': true } : {})}
            >
              <Table.Td>
                <UnstyledButton
                  fw={600}
                  fz="sm"
                  onClick={() => open(step.id)}
                  aria-label={`Open ${labelOf(step)}`}
                >
                  {labelOf(step)}
                </UnstyledButton>
                <Text size="xs" c="dimmed">
                  {types.get(step.type)?.label ?? step.type} · {step.id}
                </Text>
                {/* A phone has no place for a column of states. */}
                <Box hiddenFrom="xs">{state}</Box>
              </Table.Td>
              <Table.Td>
                <Group gap={4}>
                  {next(step).map((edge) => (
                    <Badge
                      key={edge.id}
                      variant="default"
                      size="sm"
                      tt="none"
                      fw={500}
                      h="auto"
                      styles={{ label: { whiteSpace: 'normal', overflowWrap: 'anywhere' } }}
                    >
                      {edge.sourceHandle ? `${edge.sourceHandle}: ` : ''}
                      {edge.target}
                    </Badge>
                  ))}
                  {next(step).length === 0 && (
                    <Text size="xs" c="dimmed">
                      ends
                    </Text>
                  )}
                </Group>
              </Table.Td>
              <Table.Td visibleFrom="xs">{state}</Table.Td>
              {mayWrite && (
                <Table.Td>
                  <Menu position="bottom-end" withinPortal>
                    <Menu.Target>
                      <ActionIcon
                        variant="subtle"
                        color="gray"
                        aria-label={`Actions of ${labelOf(step)}`}
                      >
                        <IconDots size={16} aria-hidden="true" />
                      </ActionIcon>
                    </Menu.Target>
                    <Menu.Dropdown>
                      <Menu.Item onClick={() => commands.addAfter(step.id)}>
                        Add a step after
                      </Menu.Item>
                      <Menu.Item onClick={() => commands.connectTo(step.id)}>Connect to…</Menu.Item>
                      <Menu.Item onClick={() => commands.duplicate([step.id])}>Duplicate</Menu.Item>
                      <Menu.Item onClick={() => commands.remove([step.id])}>Delete</Menu.Item>
                    </Menu.Dropdown>
                  </Menu>
                </Table.Td>
              )}
            </Table.Tr>
          );
        })}
      </Table.Tbody>
    </Table>
  );
}
