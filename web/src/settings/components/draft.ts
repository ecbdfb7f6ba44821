// A component as a form and as JSON. A draft has the fields that its kind of component uses; JSON with other fields is
// refused, so that a misspelt name is not lost.
import type { Json, Row } from '../../shared/supabase.ts';

export type Component = Row<'components'>;

export const KINDS = [
  { value: 'service_task', label: 'Service task: a signed call of your code' },
  { value: 'ai_agent_task', label: 'Agent task: a model with a prompt' },
  { value: 'user_task', label: 'User task: a form for a person' },
] as const;

export type Draft = Pick<
  Component,
  | 'name'
  | 'version'
  | 'implementation_type'
  | 'display_name'
  | 'description'
  | 'visibility'
  | 'endpoint'
  | 'timeout_ms'
  | 'retry_count'
  | 'callback_timeout_ms'
  | 'heartbeat_timeout_ms'
  | 'notify_cancel'
  | 'agent_prompt_id'
  | 'model_provider'
  | 'model_name'
  | 'ui_widget_id'
  | 'ui_definitions'
  | 'config_schema'
  | 'input_schema'
  | 'output_schema'
  | 'tags'
  | 'capabilities'
>;
type Field = keyof Draft;

/** What a form edits: a new component, a new version of one, or a saved version, which keeps its identity. */
export type Stage = 'component' | 'version' | 'saved';

export const EMPTY: Draft = {
  name: '',
  version: '1.0.0',
  implementation_type: 'service_task',
  display_name: '',
  description: '',
  visibility: 'private',
  endpoint: null,
  timeout_ms: 30_000,
  retry_count: 0,
  callback_timeout_ms: 86_400_000,
  heartbeat_timeout_ms: null,
  notify_cancel: false,
  agent_prompt_id: null,
  model_provider: null,
  model_name: null,
  ui_widget_id: null,
  ui_definitions: {},
  config_schema: null,
  input_schema: null,
  output_schema: null,
  tags: [],
  capabilities: [],
};

/** They name a version of a component and do not change. */
const IDENTITY: readonly Field[] = ['name', 'version', 'implementation_type'];
const GENERAL: readonly Field[] = [
  ...IDENTITY,
  'display_name',
  'description',
  'visibility',
  'timeout_ms',
  'retry_count',
  'input_schema',
  'output_schema',
  'config_schema',
  'tags',
  'capabilities',
];
const CALL: readonly Field[] = [
  'endpoint',
  'callback_timeout_ms',
  'heartbeat_timeout_ms',
  'notify_cancel',
];
const OF_KIND: Readonly<Record<string, readonly Field[]>> = {
  service_task: CALL,
  ai_agent_task: ['agent_prompt_id', 'model_provider', 'model_name', ...CALL],
  user_task: ['ui_widget_id', 'ui_definitions'],
};

export const fieldsOf = (kind: string): readonly Field[] => [...GENERAL, ...(OF_KIND[kind] ?? [])];

const pick = (draft: Draft, fields: readonly Field[]): Partial<Draft> =>
  Object.fromEntries(fields.map((field) => [field, draft[field]]));

export const draftOf = (component: Component): Draft => ({
  ...EMPTY,
  ...(pick(component, fieldsOf(component.implementation_type)) as Draft),
});

export const jsonOf = (draft: Draft): string =>
  JSON.stringify(pick(draft, fieldsOf(draft.implementation_type)), null, 2);

/**
 * Reads JSON that jsonOf wrote and a person changed. `kept`: the saved row, whose identity must stay. Throws an Error with
 * what is wrong.
 */
export function draftFromJson(value: Json, kept: Draft | undefined): Draft {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Error('A component is an object.');
  }
  const given = value as Partial<Draft>;
  const kind = given.implementation_type ?? kept?.implementation_type ?? EMPTY.implementation_type;
  if (OF_KIND[kind] === undefined) {
    throw new Error(`implementation_type must be one of ${Object.keys(OF_KIND).join(', ')}.`);
  }
  const known = fieldsOf(kind);
  const other = Object.keys(given).find((name) => !known.includes(name as Field));
  if (other !== undefined) throw new Error(`A ${kind} has no field ${other}.`);
  const draft: Draft = { ...EMPTY, ...given, implementation_type: kind };
  const changed = kept && IDENTITY.find((field) => draft[field] !== kept[field]);
  if (changed) throw new Error(`${changed} does not change. Create a new version instead.`);
  return draft;
}

/** The columns of a new version. */
export const insertOf = (draft: Draft): Partial<Draft> =>
  pick(draft, fieldsOf(draft.implementation_type));

/** The columns that a saved version may change. */
export const updateOf = (draft: Draft): Partial<Draft> =>
  pick(
    draft,
    fieldsOf(draft.implementation_type).filter((field) => !IDENTITY.includes(field)),
  );

/** Runs the component with the input of the run. */
export const testDefinition = ({ name, implementation_type }: Component): Json => ({
  nodes: [
    {
      id: 'call',
      type: implementation_type,
      data: {
        config: {
          component: name,
          input: '{{ input }}',
          ...(implementation_type === 'ai_agent_task' ? { stream: true } : {}),
        },
      },
    },
  ],
  edges: [],
});

/** The version that the name means: the newest one that is not deprecated, else the newest. As component_for decides. */
export function meantVersion(versions: readonly Component[]): Component | undefined {
  return [...versions]
    .filter(({ is_active }) => is_active)
    .sort(
      (a, b) =>
        Number(a.deprecated) - Number(b.deprecated) || b.created_at.localeCompare(a.created_at),
    )[0];
}
