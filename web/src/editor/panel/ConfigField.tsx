// One field of a step's config. Each field can be an expression instead of a value; the switch is beside its name.
import {
  ActionIcon,
  Badge,
  Group,
  NumberInput,
  Select,
  Switch,
  TagsInput,
  Text,
  Textarea,
  TextInput,
  Tooltip,
} from '@mantine/core';
import { IconBraces, IconX } from '@tabler/icons-react';
import { useState } from 'react';
import type { Json } from '../../../../types/database.ts';
import { CodeEditor, ExpressionEditor, JsonEditor, parseJson } from '../../shared/code/editors.tsx';
import type { Fault } from '../draft/api.ts';
import { useEditor } from '../editor-context.tsx';
import { completionsOf } from '../evaluate/completions.ts';
import type { Question } from '../evaluate/messages.ts';
import type { Step } from '../model/definition.ts';
import { faultText } from '../model/faults.ts';
import { durationText, type Field, isLongText, parseDuration } from '../model/fields.ts';
import { LiveValue } from './LiveValue.tsx';

export interface ConfigFieldProps {
  step: Step;
  field: Field;
  value: Json | undefined;
  /** undefined removes the key. */
  onChange(value: Json | undefined): void;
  faults: readonly Fault[];
  isDisabled: boolean;
}

const NO_RUN = 'Choose a run above to see the value.';

const hasTemplate = (value: Json | undefined): value is string =>
  typeof value === 'string' && value.includes('{{');

function useQuestion(
  { step, field, value }: ConfigFieldProps,
  isExpression: boolean,
): Question | undefined {
  const { scopeOf } = useEditor();
  if (!isExpression || value === undefined || value === '') return undefined;
  const scope = scopeOf(step);
  if (scope === undefined) return undefined;
  if (field.kind === 'jsonata') return { kind: 'expression', source: String(value), scope };
  return { kind: 'template', config: value, scope };
}

function JsonField({
  field,
  value,
  onChange,
  error,
  ...props
}: ConfigFieldProps & { error: string | undefined }) {
  const { shapeOf } = useEditor();
  const shown = value === undefined ? '' : JSON.stringify(value, null, 2);
  const [text, setText] = useState(shown);
  const [parsed, setParsed] = useState(value);
  const [fault, setFault] = useState<string>();
  // Undo and the saves of others change the value from outside.
  if (JSON.stringify(parsed) !== JSON.stringify(value)) {
    setParsed(value);
    setText(shown);
    setFault(undefined);
  }
  return (
    <JsonEditor
      label={field.label}
      isLabelHidden
      value={text}
      minHeight={64}
      maxHeight={260}
      isReadOnly={props.isDisabled}
      placeholder={field.fallback}
      completions={completionsOf(() => shapeOf(props.step), true)}
      error={fault ?? error}
      onChange={(next) => {
        setText(next);
        if (next.trim() === '') {
          setFault(undefined);
          setParsed(undefined);
          onChange(undefined);
          return;
        }
        try {
          const value = parseJson(next);
          setFault(undefined);
          setParsed(value);
          onChange(value);
        } catch (problem) {
          setFault(`Not valid JSON: ${(problem as Error).message}`);
        }
      }}
    />
  );
}

function DurationField({
  field,
  value,
  onChange,
  error,
  isDisabled,
}: ConfigFieldProps & { error: string | undefined }) {
  const shown = typeof value === 'number' ? durationText(value) : '';
  const [text, setText] = useState(shown);
  const [known, setKnown] = useState(value);
  const [fault, setFault] = useState<string>();
  if (known !== value) {
    setKnown(value);
    setText(shown);
    setFault(undefined);
  }
  return (
    <TextInput
      aria-label={field.label}
      placeholder={field.fallback ? durationText(Number(field.fallback)) : '30s, 5min, 2h, 3d'}
      value={text}
      disabled={isDisabled}
      error={fault ?? error}
      onChange={(event) => setText(event.currentTarget.value)}
      onBlur={() => {
        const ms = parseDuration(text);
        setFault(
          text.trim() === '' || ms !== undefined
            ? undefined
            : 'Write a time such as 30s, 5min, 2h or 3d.',
        );
        if (text.trim() === '' || ms !== undefined) {
          setKnown(ms);
          setText(ms === undefined ? '' : durationText(ms));
          onChange(ms);
        }
      }}
    />
  );
}

/** The control of a value that is no expression. */
function PlainField(props: ConfigFieldProps & { error: string | undefined }) {
  const { field, value, onChange, isDisabled, error } = props;
  const common = {
    'aria-label': field.label,
    disabled: isDisabled,
    error,
    placeholder: field.fallback,
  };
  switch (field.kind) {
    case 'number':
      return (
        <NumberInput
          {...common}
          value={typeof value === 'number' ? value : ''}
          {...(field.minimum === undefined ? {} : { min: field.minimum })}
          {...(field.maximum === undefined ? {} : { max: field.maximum })}
          clampBehavior="none"
          hideControls
          onChange={(next) => onChange(next === '' ? undefined : Number(next))}
        />
      );
    case 'boolean':
      return (
        <Switch
          aria-label={field.label}
          disabled={isDisabled}
          label={
            value === undefined && field.fallback
              ? `Default: ${field.fallback === 'true' ? 'yes' : 'no'}`
              : value
                ? 'Yes'
                : 'No'
          }
          checked={value === undefined ? field.fallback === 'true' : value === true}
          onChange={(event) => onChange(event.currentTarget.checked)}
        />
      );
    case 'choice':
      return (
        <Select
          {...common}
          data={field.choices}
          value={typeof value === 'string' ? value : null}
          clearable={!field.isRequired}
          onChange={(next) => onChange(next ?? undefined)}
        />
      );
    case 'names': {
      const names = Array.isArray(value)
        ? value.map(String)
        : typeof value === 'string'
          ? [value]
          : [];
      return (
        <TagsInput
          aria-label={field.label}
          disabled={isDisabled}
          error={error}
          placeholder={names.length === 0 ? 'Add a name' : ''}
          value={names}
          onChange={(next) =>
            onChange(next.length === 0 ? undefined : next.length === 1 ? next[0] : next)
          }
        />
      );
    }
    case 'duration':
      return <DurationField {...props} />;
    case 'json':
      return <JsonField {...props} />;
    default: {
      const text = value === undefined || value === null ? '' : String(value);
      const change = (next: string) =>
        onChange(next === '' && !field.isRequired ? undefined : next);
      return isLongText(field) ? (
        <Textarea
          {...common}
          autosize
          minRows={2}
          maxRows={10}
          value={text}
          onChange={(event) => change(event.currentTarget.value)}
        />
      ) : (
        <TextInput
          {...common}
          value={text}
          onChange={(event) => change(event.currentTarget.value)}
        />
      );
    }
  }
}

function ExpressionField(props: ConfigFieldProps & { error: string | undefined }) {
  const { step, field, value, onChange, isDisabled, error } = props;
  const { shapeOf } = useEditor();
  const text = typeof value === 'string' ? value : '';
  if (field.kind === 'javascript') {
    return (
      <CodeEditor
        language="javascript"
        label={field.label}
        isLabelHidden
        value={text}
        onChange={onChange}
        isReadOnly={isDisabled}
        minHeight={180}
        error={error}
        placeholder={'({ input, steps }) => {\n  return input;\n}'}
        completions={completionsOf(() => shapeOf(step), false)}
      />
    );
  }
  return (
    <ExpressionEditor
      label={field.label}
      isLabelHidden
      isSingleLine={false}
      minHeight={54}
      maxHeight={260}
      value={text}
      onChange={(next) => onChange(next === '' && !field.isRequired ? undefined : next)}
      isReadOnly={isDisabled}
      error={error}
      placeholder={
        field.kind === 'jsonata' ? 'steps.order.output.body.total > 100' : '{{ input.order_id }}'
      }
      completions={completionsOf(() => shapeOf(step), field.kind !== 'jsonata')}
    />
  );
}

export function ConfigField(props: ConfigFieldProps) {
  const { field, value, onChange, faults, isDisabled } = props;
  const isCode = field.kind === 'jsonata' || field.kind === 'javascript';
  const [isChosen, setChosen] = useState(false);
  const isExpression = isCode || hasTemplate(value) || isChosen;
  const containsTemplate =
    field.kind === 'json' && value !== undefined && JSON.stringify(value).includes('{{');
  const question = useQuestion(
    props,
    field.kind !== 'javascript' && (isExpression || containsTemplate),
  );
  const error = faults[0] && faultText(faults[0]);

  return (
    <div data-field={field.key}>
      <Group justify="space-between" gap="xs" mb={2} wrap="nowrap">
        <Text size="sm" fw={500}>
          {field.label}
          {field.isRequired && (
            <Text span c="var(--sb-danger)" aria-hidden="true">
              {' '}
              *
            </Text>
          )}
        </Text>
        {isCode ? (
          <Badge variant="default" size="xs" tt="none" fw={500}>
            {field.kind === 'jsonata' ? 'JSONata' : 'JavaScript'}
          </Badge>
        ) : (
          field.kind !== 'json' &&
          !isDisabled && (
            <Tooltip label={isExpression ? 'Write a value instead' : 'Use an expression'}>
              <ActionIcon
                size="sm"
                variant={isExpression ? 'light' : 'subtle'}
                color="gray"
                aria-label={`${field.label}: ${isExpression ? 'write a value' : 'use an expression'}`}
                aria-pressed={isExpression}
                onClick={() => {
                  if (isExpression) onChange(undefined);
                  setChosen(!isExpression);
                }}
              >
                {isExpression ? (
                  <IconX size={14} aria-hidden="true" />
                ) : (
                  <IconBraces size={14} aria-hidden="true" />
                )}
              </ActionIcon>
            </Tooltip>
          )
        )}
      </Group>
      {isExpression ? (
        <ExpressionField {...props} error={error} />
      ) : (
        <PlainField {...props} error={error} />
      )}
      {(isExpression || containsTemplate) && field.kind !== 'javascript' && (
        <LiveValue question={question} hint={value ? NO_RUN : ''} />
      )}
    </div>
  );
}
