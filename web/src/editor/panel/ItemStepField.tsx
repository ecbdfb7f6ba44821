// The step that a for_each runs for each item, or the step that compensates another one: a type with its config.
import { Paper, Select, Stack, Text } from '@mantine/core';
import type { Json } from '../../../../types/database.ts';
import type { Fault } from '../draft/api.ts';
import { useEditor } from '../editor-context.tsx';
import { isObject, type JsonObject, type Step } from '../model/definition.ts';
import { ConfigForm } from './ConfigForm.tsx';

interface Props {
  step: Step;
  /** `{type, config, …}` */
  value: JsonObject;
  faults: readonly Fault[];
  onChange(value: Json): void;
  isCompensation?: boolean;
}

export function ItemStepField({ step, value, faults, onChange, isCompensation = false }: Props) {
  const { types, mayWrite } = useEditor();
  const allowed = [...types.values()].filter((type) =>
    isCompensation ? type.allowed_in_compensation : type.allowed_in_for_each,
  );
  const name = typeof value.type === 'string' ? value.type : undefined;
  const type = name === undefined ? undefined : types.get(name);
  const config = isObject(value.config) ? value.config : {};
  const place = isCompensation
    ? ['data', 'compensate', 'config']
    : ['data', 'config', 'step', 'config'];
  return (
    <Paper withBorder p="sm" radius="md">
      <Text size="sm" fw={600} mb="xs">
        {isCompensation ? 'Compensating step' : 'Step for each item'}
      </Text>
      <Stack gap="sm">
        <Select
          label="Type"
          data={allowed.map((each) => ({ value: each.name, label: each.label }))}
          value={name ?? null}
          disabled={!mayWrite}
          searchable
          onChange={(next) => next !== null && onChange({ ...value, type: next, config: {} })}
        />
        {type !== undefined && (
          <ConfigForm
            step={step}
            type={type}
            config={config}
            faults={faults.filter(({ pointer }) =>
              pointer.includes(`/${place.slice(0, -1).join('/')}`),
            )}
            place={place}
            onChange={(key, next) => {
              const changed: JsonObject = { ...config, [key]: next };
              if (next === undefined) delete changed[key];
              onChange({ ...value, config: changed });
            }}
          />
        )}
      </Stack>
    </Paper>
  );
}
