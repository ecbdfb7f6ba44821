// Builds the input schema from a list of properties. What the list cannot show, the JSON beside it can.
import {
  ActionIcon,
  Button,
  Checkbox,
  Group,
  Paper,
  SegmentedControl,
  Select,
  Stack,
  TagsInput,
  Text,
  TextInput,
} from '@mantine/core';
import { IconTrash } from '@tabler/icons-react';
import { useState } from 'react';
import type { Json } from '../../../../types/database.ts';
import { JsonEditor, parseJson } from '../../shared/code/editors.tsx';
import { useEditor } from '../editor-context.tsx';
import { isObject, type JsonObject } from '../model/definition.ts';

const KINDS: readonly { value: string; label: string; schema: JsonObject }[] = [
  { value: 'string', label: 'Text', schema: { type: 'string' } },
  { value: 'email', label: 'E-mail address', schema: { type: 'string', format: 'email' } },
  { value: 'uri', label: 'URL', schema: { type: 'string', format: 'uri' } },
  { value: 'date', label: 'Date', schema: { type: 'string', format: 'date' } },
  { value: 'date-time', label: 'Date and time', schema: { type: 'string', format: 'date-time' } },
  { value: 'number', label: 'Number', schema: { type: 'number' } },
  { value: 'integer', label: 'Whole number', schema: { type: 'integer' } },
  { value: 'boolean', label: 'Yes or no', schema: { type: 'boolean' } },
  { value: 'enum', label: 'Choice', schema: { type: 'string', enum: [] } },
  { value: 'array', label: 'List', schema: { type: 'array', items: {} } },
  { value: 'object', label: 'Object', schema: { type: 'object' } },
];

function kindOf(schema: JsonObject): string {
  if (Array.isArray(schema.enum)) return 'enum';
  if (typeof schema.format === 'string' && KINDS.some(({ value }) => value === schema.format))
    return schema.format;
  return typeof schema.type === 'string' ? schema.type : '';
}

/** The same place, with another name. */
const renamedKey = (object: JsonObject, from: string, to: string): JsonObject =>
  Object.fromEntries(
    Object.entries(object).map(([key, value]) => [key === from ? to : key, value]),
  );

interface PropertyProps {
  name: string;
  schema: JsonObject;
  isRequired: boolean;
  isTaken(name: string): boolean;
  onRename(name: string): void;
  onChange(schema: JsonObject): void;
  onRequire(isRequired: boolean): void;
  onRemove(): void;
}

function Property({
  name,
  schema,
  isRequired,
  isTaken,
  onRename,
  onChange,
  onRequire,
  onRemove,
}: PropertyProps) {
  const [text, setText] = useState(name);
  const set = (key: string, value: Json | undefined) => {
    const next: JsonObject = { ...schema, [key]: value };
    if (value === undefined || value === '') delete next[key];
    onChange(next);
  };
  const kind = kindOf(schema);
  return (
    <Paper withBorder p="xs" radius="md" data-property={name}>
      <Group gap="xs" align="flex-end" wrap="nowrap">
        <TextInput
          label="Key"
          flex={1}
          miw={0}
          value={text}
          error={text !== name && isTaken(text)}
          onChange={(event) => setText(event.currentTarget.value)}
          onBlur={() => text !== name && text !== '' && !isTaken(text) && onRename(text)}
        />
        <Select
          label="Type"
          flex={1}
          miw={0}
          allowDeselect={false}
          data={KINDS.map(({ value, label }) => ({ value, label }))}
          value={kind || null}
          placeholder="Other"
          onChange={(next) => {
            const { title, description } = schema;
            onChange({
              ...(title === undefined ? {} : { title }),
              ...(description === undefined ? {} : { description }),
              ...KINDS.find(({ value }) => value === next)?.schema,
            });
          }}
        />
        <ActionIcon
          variant="subtle"
          color="gray"
          size="lg"
          aria-label={`Remove ${name}`}
          onClick={onRemove}
        >
          <IconTrash size={16} aria-hidden="true" />
        </ActionIcon>
      </Group>
      <Group gap="xs" mt="xs" grow>
        <TextInput
          label="Title"
          value={typeof schema.title === 'string' ? schema.title : ''}
          onChange={(event) => set('title', event.currentTarget.value)}
        />
        <TextInput
          label="Description"
          value={typeof schema.description === 'string' ? schema.description : ''}
          onChange={(event) => set('description', event.currentTarget.value)}
        />
      </Group>
      {kind === 'enum' && (
        <TagsInput
          mt="xs"
          label="Choices"
          value={Array.isArray(schema.enum) ? schema.enum.map(String) : []}
          onChange={(choices) => set('enum', choices)}
        />
      )}
      <Checkbox
        mt="xs"
        label="Required"
        checked={isRequired}
        onChange={(event) => onRequire(event.currentTarget.checked)}
      />
    </Paper>
  );
}

export function InputSchema() {
  const { doc, mayWrite } = useEditor();
  const schema: JsonObject = doc.draft.inputSchema ?? { type: 'object', properties: {} };
  const properties = isObject(schema.properties) ? schema.properties : {};
  const required = Array.isArray(schema.required) ? schema.required.map(String) : [];
  const [mode, setMode] = useState('list');
  const [text, setText] = useState('');
  const [fault, setFault] = useState<string>();

  const set = (next: JsonObject | null) =>
    doc.change((draft) => ({ ...draft, inputSchema: next }), 'input schema');
  const setProperties = (nextProperties: JsonObject, nextRequired = required) => {
    const { required: _required, ...rest } = schema;
    const kept = nextRequired.filter((name) => name in nextProperties);
    set({
      ...rest,
      type: 'object',
      properties: nextProperties,
      ...(kept.length === 0 ? {} : { required: kept }),
    });
  };

  return (
    <Stack gap="sm">
      <Group justify="space-between">
        <Text size="sm" fw={600}>
          Input
        </Text>
        <SegmentedControl
          size="xs"
          aria-label="How to edit the input schema"
          data={[
            { value: 'list', label: 'List' },
            { value: 'json', label: 'JSON Schema' },
          ]}
          value={mode}
          onChange={(next) => {
            setText(doc.draft.inputSchema === null ? '' : JSON.stringify(schema, null, 2));
            setFault(undefined);
            setMode(next);
          }}
        />
      </Group>
      {mode === 'json' ? (
        <JsonEditor
          label="Input schema"
          isLabelHidden
          value={text}
          error={fault}
          isReadOnly={!mayWrite}
          minHeight={200}
          placeholder="Empty: every input is accepted."
          onChange={(next) => {
            setText(next);
            if (next.trim() === '') {
              setFault(undefined);
              set(null);
              return;
            }
            try {
              const parsed = parseJson(next);
              if (!isObject(parsed)) throw new Error('the schema must be an object');
              setFault(undefined);
              set(parsed);
            } catch (error) {
              setFault(`Not valid: ${(error as Error).message}`);
            }
          }}
        />
      ) : (
        <fieldset disabled={!mayWrite} style={{ border: 0, padding: 0, margin: 0 }}>
          <Stack gap="xs">
            {Object.keys(properties).length === 0 && (
              <Text size="sm" c="dimmed">
                Every input is accepted. Add a property to have a form and a check.
              </Text>
            )}
            {Object.entries(properties).map(([name, value]) => (
              <Property
                key={name}
                name={name}
                schema={isObject(value) ? value : {}}
                isRequired={required.includes(name)}
                isTaken={(other) => other in properties}
                onRename={(next) =>
                  setProperties(
                    renamedKey(properties, name, next),
                    required.map((each) => (each === name ? next : each)),
                  )
                }
                onChange={(next) => setProperties({ ...properties, [name]: next })}
                onRequire={(isRequired) =>
                  setProperties(
                    properties,
                    isRequired ? [...required, name] : required.filter((each) => each !== name),
                  )
                }
                onRemove={() => {
                  const { [name]: _removed, ...rest } = properties;
                  setProperties(rest);
                }}
              />
            ))}
            <Group>
              <Button
                size="xs"
                variant="default"
                onClick={() => {
                  let n = Object.keys(properties).length + 1;
                  while (`value_${n}` in properties) n += 1;
                  setProperties({ ...properties, [`value_${n}`]: { type: 'string' } });
                }}
              >
                Add a property
              </Button>
              {doc.draft.inputSchema !== null && (
                <Checkbox
                  label="Refuse other properties"
                  checked={schema.additionalProperties === false}
                  onChange={(event) => {
                    const { additionalProperties: _known, ...rest } = schema;
                    set(
                      event.currentTarget.checked ? { ...rest, additionalProperties: false } : rest,
                    );
                  }}
                />
              )}
            </Group>
          </Stack>
        </fieldset>
      )}
    </Stack>
  );
}
