// The form of a config, from the JSON Schema of its step type. Faults of the checker are shown at their fields; those
// without a field above them.
import { Alert, Collapse, Stack, Text, UnstyledButton } from '@mantine/core';
import { IconChevronDown, IconChevronRight } from '@tabler/icons-react';
import { useState } from 'react';
import type { Json } from '../../../../types/database.ts';
import type { Fault } from '../draft/api.ts';
import { type StepType, useEditor } from '../editor-context.tsx';
import { isObject, type JsonObject, type Step } from '../model/definition.ts';
import { faultText } from '../model/faults.ts';
import { fieldsOf } from '../model/fields.ts';
import { ConfigField } from './ConfigField.tsx';
import { ItemStepField } from './ItemStepField.tsx';
import { NameOptions } from './NameOptions.tsx';

interface Props {
  step: Step;
  type: StepType;
  config: JsonObject;
  faults: readonly Fault[];
  /** Where the config is in the node: `data`, `config`. */
  place: readonly string[];
  onChange(key: string, value: Json | undefined): void;
}

/** The part of a pointer below the node: `/nodes/3/data/config/url/0` as data, config, url, 0. */
const placeOf = ({ pointer }: Fault): string[] => pointer.split('/').slice(3);

export function ConfigForm({ step, type, config, faults, place, onChange }: Props) {
  const { mayWrite } = useEditor();
  const fields = fieldsOf(type.config_schema, type.raw_keys);
  const isBelow = (fault: Fault, key: string) => {
    const found = placeOf(fault);
    const isInConfig = place.every((part, at) => found[at] === part);
    if (isInConfig && found.length > place.length) return found[place.length] === key;
    // A fault of the database can name the key in its message only.
    return isInConfig && new RegExp(`\\bconfig\\.${key}\\b`).test(fault.message);
  };
  const rest = faults.filter((fault) => !fields.some(({ key }) => isBelow(fault, key)));
  const isOptional = (key: string, isRequired: boolean) =>
    !isRequired && config[key] === undefined && !faults.some((fault) => isBelow(fault, key));
  // A form with few fields shows all of them.
  const folded =
    fields.length <= 5 ? [] : fields.filter(({ key, isRequired }) => isOptional(key, isRequired));
  const shown = fields.filter((field) => !folded.includes(field));
  const [isOpen, setOpen] = useState(false);

  const draw = (field: (typeof fields)[number]) => {
    const own = faults.filter((fault) => isBelow(fault, field.key));
    const props = {
      step,
      field,
      value: config[field.key],
      onChange: (value: Json | undefined) => onChange(field.key, value),
      faults: own,
      isDisabled: !mayWrite,
    };
    if (step.type === 'for_each' && type.name === 'for_each' && field.key === 'step') {
      const item = config.step;
      return (
        <ItemStepField
          key={field.key}
          step={step}
          value={isObject(item) ? item : {}}
          faults={faults}
          onChange={(value) => onChange('step', value)}
        />
      );
    }
    return (
      <NameOptions
        key={field.key}
        field={field}
        value={config[field.key]}
        onChange={props.onChange}
      >
        <ConfigField {...props} />
      </NameOptions>
    );
  };

  return (
    <Stack gap="sm">
      {rest.map((fault) => (
        <Alert
          key={`${fault.pointer} ${fault.code} ${fault.message}`}
          color={fault.severity === 'error' ? 'red' : 'yellow'}
          variant="light"
          p="xs"
        >
          <Text size="sm" c="var(--mantine-color-text)">
            {faultText(fault)}
          </Text>
        </Alert>
      ))}
      {shown.map(draw)}
      {folded.length > 0 && (
        <>
          <UnstyledButton
            fz="sm"
            c="dimmed"
            aria-expanded={isOpen}
            onClick={() => setOpen(!isOpen)}
          >
            {isOpen ? (
              <IconChevronDown size={14} aria-hidden="true" />
            ) : (
              <IconChevronRight size={14} aria-hidden="true" />
            )}{' '}
            {folded.length} more settings
          </UnstyledButton>
          <Collapse expanded={isOpen}>
            <Stack gap="sm">{isOpen && folded.map(draw)}</Stack>
          </Collapse>
        </>
      )}
    </Stack>
  );
}
