// docs/reference/step-types.md: what each step type is, from the table step_types of a migrated
// database.

import type pg from 'pg';
import { SCHEMAS } from '../database/schemas.ts';
import { propertiesTable } from './json-schema.ts';
import { anchor, code, generatedFrom, page, table } from './markdown.ts';

interface StepType {
  name: string;
  label: string;
  description: string;
  category: string;
  config_schema: unknown;
  raw_keys: string[];
  handles: string[] | null;
  is_task: boolean;
  is_component: boolean;
  is_activity: boolean;
  may_use_secrets: boolean;
}

const yes = (value: boolean) => (value ? 'yes' : '');

function traits(type: StepType): string {
  const { handles, raw_keys: rawKeys } = type;
  return [
    `* Handles: ${
      handles === null
        ? 'any text'
        : [...handles, 'error', 'timeout']
            .filter((name, index, all) => all.indexOf(name) === index)
            .map(code)
            .join(', ')
    }.`,
    ...(rawKeys.length > 0
      ? [`* ${rawKeys.map(code).join(', ')} holds an expression or code, not a template.`]
      : []),
    ...(type.is_task ? ['* Waits for a person: its step runs are tasks.'] : []),
    ...(type.is_component ? ['* Can be implemented by a component of the registry.'] : []),
    ...(type.is_activity
      ? [
          '* Calls a system outside of Stepbase: counts against `max_concurrent_activities` of the task queue while it executes.',
        ]
      : []),
    ...(type.may_use_secrets ? ['* Templates may use `secrets.<name>`.'] : []),
  ].join('\n');
}

export async function stepTypesPage(client: pg.Client): Promise<string> {
  const { rows } = await client.query<StepType>(
    `select name, label, description, category, config_schema, raw_keys, handles, is_task,
       is_component, is_activity, may_use_secrets
     from ${SCHEMAS.exposed}.step_types
     order by ordinal, name`,
  );
  return page(
    generatedFrom(`the table \`${SCHEMAS.exposed}.step_types\``),
    '# Step types',
    'Each node of a definition has a `type`. `data.config` must match the schema of the type; a string that contains `{{ … }}` satisfies every type, and the value is checked again when the step runs. Unknown keys are refused, also in nested objects.',
    table(
      ['type', 'category', 'purpose', 'secrets', 'limited by task queue'],
      rows.map((type) => [
        `[${type.name}](#${anchor(type.name)})`,
        type.category,
        type.description,
        yes(type.may_use_secrets),
        yes(type.is_activity),
      ]),
    ),
    'Every node can also have `label`, `retry`, `timeout_ms`, `on_error`, `join` and `compensate` in `data`.',
    ...rows.map((type) =>
      page(
        `## ${type.name}`,
        `**${type.label}.** ${type.description}`,
        propertiesTable(type.config_schema),
        traits(type),
      ),
    ),
  );
}
