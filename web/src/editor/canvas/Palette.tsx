// The step types by category, with a search. Click adds a step after the selected one; dragging puts it on the canvas.
import { Kbd, Text, TextInput } from '@mantine/core';
import { IconSearch } from '@tabler/icons-react';
import { type KeyboardEvent, useState } from 'react';
import { StepIcon } from '../../shared/StepIcon.tsx';
import classes from '../editor.module.css';
import { type StepType, useEditor } from '../editor-context.tsx';
import { DRAG_TYPE } from './drag-type.ts';

const CATEGORIES: readonly (readonly [string, string])[] = [
  ['action', 'Actions'],
  ['data', 'Data'],
  ['control', 'Flow'],
  ['human', 'People'],
  ['ai', 'AI'],
  ['component', 'Components'],
];

interface Props {
  onChoose(type: StepType): void;
  /** In a dialog the search takes the focus. */
  isDialog?: boolean;
}

export function Palette({ onChoose, isDialog = false }: Props) {
  const { types } = useEditor();
  const [query, setQuery] = useState('');
  const [at, setAt] = useState(0);
  const wanted = query.trim().toLowerCase();
  const found = [...types.values()].filter(
    ({ name, label, description }) =>
      wanted === '' || `${name} ${label} ${description}`.toLowerCase().includes(wanted),
  );
  const groups = CATEGORIES.map(([category, label]) => ({
    label,
    types: found.filter((type) => type.category === category),
  })).filter((group) => group.types.length > 0);
  const ordered = groups.flatMap((group) => group.types);

  function onKeyDown(event: KeyboardEvent): void {
    const move = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (move !== undefined) {
      event.preventDefault();
      setAt((known) => Math.max(0, Math.min(ordered.length - 1, known + move)));
    }
    if (event.key === 'Enter' && ordered[at]) {
      event.preventDefault();
      onChoose(ordered[at]);
    }
  }

  return (
    <div style={{ padding: isDialog ? 0 : 10 }}>
      <TextInput
        size="xs"
        mb="xs"
        placeholder="Search steps"
        aria-label="Search steps"
        leftSection={<IconSearch size={14} aria-hidden="true" />}
        value={query}
        {...(isDialog ? { 'data-autofocus': true } : {})}
        onChange={(event) => {
          setQuery(event.currentTarget.value);
          setAt(0);
        }}
        onKeyDown={onKeyDown}
      />
      {groups.length === 0 && (
        <Text size="sm" c="dimmed">
          No step type matches.
        </Text>
      )}
      {groups.map((group) => (
        <section key={group.label} aria-label={group.label}>
          <Text size="xs" c="dimmed" fw={600} mt={8} mb={2} px={8}>
            {group.label}
          </Text>
          {group.types.map((type) => (
            <button
              key={type.name}
              type="button"
              className={classes.tool}
              title={type.description}
              draggable
              {...(wanted !== '' && ordered[at] === type ? { 'data-active': true } : {})}
              onDragStart={(event) => event.dataTransfer.setData(DRAG_TYPE, type.name)}
              onClick={() => onChoose(type)}
            >
              <StepIcon icon={type.icon} color={type.color} />
              <span>{type.label}</span>
            </button>
          ))}
        </section>
      ))}
      {isDialog && (
        <Text size="xs" c="dimmed" mt="sm">
          <Kbd size="xs">↑</Kbd> <Kbd size="xs">↓</Kbd> choose, <Kbd size="xs">Enter</Kbd> adds
        </Text>
      )}
    </div>
  );
}
