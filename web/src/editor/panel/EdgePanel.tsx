// The panel of an edge: the outcome for which it is taken, and its label.
import { ActionIcon, Autocomplete, Button, Group, Stack, Text, TextInput } from '@mantine/core';
import { IconX } from '@tabler/icons-react';
import classes from '../editor.module.css';
import { useEditor } from '../editor-context.tsx';
import { type Edge, labelOf, stepOf } from '../model/definition.ts';
import { changeEdge, remove } from '../model/edits.ts';
import { possibleHandles } from '../model/handles.ts';

export function EdgePanel({ edge }: { edge: Edge }) {
  const { doc, types, select, open, mayWrite } = useEditor();
  const source = stepOf(doc.draft, edge.source);
  const target = stepOf(doc.draft, edge.target);
  const nothing = { steps: new Set<string>(), edges: new Set<string>() };
  const handles =
    source === undefined
      ? []
      : possibleHandles(source, doc.draft.definition, types.get(source.type)).filter(
          (handle) => handle !== null,
        );
  const faults = doc.faults.filter(
    ({ pointer }) =>
      /^\/edges\/(\d+)/.exec(pointer)?.[1] === String(doc.draft.definition.edges.indexOf(edge)),
  );
  return (
    <section aria-label={`Edge from ${edge.source} to ${edge.target}`}>
      <Group className={classes.panelHead ?? ''} justify="space-between" wrap="nowrap">
        <Text fw={600} truncate>
          {source ? labelOf(source) : edge.source} → {target ? labelOf(target) : edge.target}
        </Text>
        <ActionIcon
          variant="subtle"
          color="gray"
          aria-label="Close the panel"
          onClick={() => select(nothing)}
        >
          <IconX size={18} aria-hidden="true" />
        </ActionIcon>
      </Group>
      <Stack className={classes.panelBody ?? ''} gap="sm">
        {faults.map(({ message }) => (
          <Text key={message} size="sm" c="var(--sb-danger)">
            {message}
          </Text>
        ))}
        <Autocomplete
          label="Taken for the outcome"
          description="Empty: whenever the step before completes. A condition can have any outcome."
          placeholder="completed"
          data={handles}
          value={edge.sourceHandle ?? ''}
          disabled={!mayWrite}
          onChange={(value) =>
            doc.change(
              (draft) => changeEdge(draft, edge.id, { sourceHandle: value }),
              `handle ${edge.id}`,
            )
          }
        />
        <TextInput
          label="Label"
          placeholder={edge.sourceHandle ?? ''}
          value={typeof edge.label === 'string' ? edge.label : ''}
          disabled={!mayWrite}
          onChange={(event) => {
            const label = event.currentTarget.value;
            doc.change((draft) => changeEdge(draft, edge.id, { label }), `label ${edge.id}`);
          }}
        />
        <Group gap="xs">
          <Button variant="default" size="xs" onClick={() => open(edge.source)}>
            Open {edge.source}
          </Button>
          <Button variant="default" size="xs" onClick={() => open(edge.target)}>
            Open {edge.target}
          </Button>
          {mayWrite && (
            <Button
              variant="default"
              size="xs"
              onClick={() => {
                doc.change((draft) => remove(draft, new Set(), new Set([edge.id])));
                select(nothing);
              }}
            >
              Delete edge
            </Button>
          )}
        </Group>
      </Stack>
    </section>
  );
}
