// The components of the folder: stepbase/components/*.ts and *.json. A component is known by its name and version.

import { basename, extname, join } from 'node:path';
import { variableNames } from '../../../sdk/src/workflow/decompile/names.ts';
import {
  call,
  jsonLiteral,
  member,
  object,
  print,
} from '../../../sdk/src/workflow/decompile/print.ts';
import { isObject } from '../../../sdk/src/workflow/json.ts';
import type { Context } from '../context.ts';
import { usage } from '../errors.ts';
import { docsPath } from '../install/assets.ts';
import { type Server, segment } from '../server.ts';
import {
  type Content,
  filesIn,
  type Kind,
  type LocalResource,
  readFiles,
  type Store,
  withDefaults,
  withoutDefaults,
} from './kind.ts';

const DEFAULTS = {
  version: '1.0.0',
  display_name: '',
  description: '',
  component_type: 'activity',
  visibility: 'private',
  config_schema: null,
  input_schema: null,
  output_schema: null,
  tags: [],
  capabilities: [],
  prompt: null,
  model_provider: null,
  model_name: null,
  endpoint: null,
  implementation_path: null,
  npm_package: null,
  timeout_ms: 30_000,
  callback_timeout_ms: 86_400_000,
  heartbeat_timeout_ms: null,
  notify_cancel: false,
  retry_count: 0,
  ui_widget_id: null,
  ui_definitions: {},
  is_active: true,
  deprecated: false,
} as const satisfies Content;

/** Columns that only an insert sets; they identify what the component is. */
const IDENTITY = ['name', 'version', 'implementation_type'] as const;

interface ComponentRow extends Content {
  id: string;
  app_code: string | null;
  name: string;
  version: string;
  agent_prompt_id: string | null;
  is_active: boolean;
}

interface PromptRow {
  id: string;
  name: string;
  version: string;
  deprecated: boolean;
  created_at: string;
}

const keyOf = ({ name, version }: Content): string => `${String(name)}@${String(version)}`;

function normal(value: Content, path: string): { key: string; content: Content } {
  const name = value.name ?? basename(path, '.json');
  if (typeof value.implementation_type !== 'string') {
    throw usage('no_component', 'A component needs an implementation_type, such as service_task');
  }
  const content = withDefaults({ ...value, name }, DEFAULTS, IDENTITY, `Component ${String(name)}`);
  return { key: keyOf(content), content };
}

export const COMPONENTS: Kind = {
  plural: 'components',
  singular: 'component',
  removed: 'deactivated',
  readLocal: (project) =>
    readFiles(project, filesIn(project.components), {
      singular: 'component',
      isOne: (value): value is Content => isObject(value) && 'implementation_type' in value,
      normal,
    }),
  open,
  newFile: ({ components }, { content }, format) =>
    join(components, `${String(content.name)}.${format ?? 'ts'}`),
  print: printFile,
};

async function open({ server, out }: Context, local: readonly LocalResource[]): Promise<Store> {
  out.progress('components');
  const caller = server.get<{ app_code: string }>('/v1/me');
  const all = await server.list<ComponentRow>('/v1/components', { sort: 'name' });
  const { app_code: app } = await caller;
  const rows = all.filter(({ app_code: owner }) => owner === app);
  const prompts = lazily(() => server.list<PromptRow>('/v1/prompts', { sort: '-created_at' }));
  // Prompts have ids of their own in each database: files state their names.
  const hasPrompts =
    rows.some(({ agent_prompt_id: id }) => id !== null) ||
    local.some(({ content }) => content.prompt !== null);
  const list = hasPrompts ? await prompts() : [];
  const textOf = (id: string | null) => {
    const prompt = list.find((one) => one.id === id);
    return prompt === undefined ? id : `${prompt.name}@${prompt.version}`;
  };
  const items = rows.map((row) => {
    const content = Object.fromEntries(
      [...IDENTITY, ...Object.keys(DEFAULTS)].map((key) => [key, row[key]]),
    );
    return {
      key: keyOf(row),
      id: row.id,
      content: { ...content, prompt: textOf(row.agent_prompt_id) },
      isIdle: !row.is_active,
    };
  });
  const columnsOf = async ({ prompt, ...columns }: Content) => ({
    ...columns,
    agent_prompt_id: prompt === null ? null : await idOfPrompt(prompts, String(prompt)),
  });
  return {
    items,
    // A prompt without a version is the newest one.
    resolve: (content) =>
      typeof content.prompt === 'string' && !content.prompt.includes('@')
        ? { ...content, prompt: newest(list, content.prompt) ?? content.prompt }
        : content,
    create: async (content) => {
      await server.post('/v1/components', withoutNull(await columnsOf(content)));
    },
    change: ({ id }, content) => patch(server, id, columnsOf(content)),
    remove: ({ id }) => patch(server, id, { is_active: false }),
  };
}

const withoutNull = (columns: Content): Content =>
  Object.fromEntries(Object.entries(columns).filter(([, value]) => value !== null));

async function patch(
  server: Server,
  id: string,
  columns: Content | Promise<Content>,
): Promise<void> {
  const changed = Object.entries(await columns).filter(
    ([key]) => !(IDENTITY as readonly string[]).includes(key),
  );
  await server.patch(`/v1/components/${segment(id)}`, Object.fromEntries(changed));
}

function lazily<T>(work: () => Promise<T>): () => Promise<T> {
  let result: Promise<T> | undefined;
  return () => {
    result ??= work();
    return result;
  };
}

/** `name@version` of the prompt with a name; prompts come with the newest first. */
function newest(prompts: readonly PromptRow[], name: string): string | undefined {
  const found =
    prompts.find((one) => one.name === name && !one.deprecated) ??
    prompts.find((one) => one.name === name);
  return found === undefined ? undefined : `${found.name}@${found.version}`;
}

async function idOfPrompt(prompts: () => Promise<PromptRow[]>, text: string): Promise<string> {
  const all = await prompts();
  const wanted = text.includes('@') ? text : newest(all, text);
  const found = all.find(({ name, version }) => `${name}@${version}` === wanted);
  if (found !== undefined) return found.id;
  throw usage(
    'unknown_prompt',
    `There is no prompt ${text}`,
    `Create it first: ${docsPath('guides/prompts.md')}.`,
  );
}

/** What the name of a variable is made of; several versions of a component are distinguished. */
function variableId(content: Content, all: readonly Content[]): string {
  const isAlone = all.filter(({ name }) => name === content.name).length === 1;
  const id = (isAlone ? String(content.name) : keyOf(content)).replaceAll(/[^a-z0-9]+/gi, '-');
  return /^\d/.test(id) ? `component-${id}` : id;
}

function printFile(file: string, contents: readonly Content[]): string {
  const short = contents.map((content) => withoutDefaults(content, DEFAULTS));
  if (extname(file) === '.json') {
    return `${JSON.stringify(short.length === 1 ? short[0] : short, null, 2)}\n`;
  }
  const ids = contents.map((content) => variableId(content, contents));
  const names = variableNames(ids);
  const imports = new Set(['defineComponent']);
  const statements = short.map(({ name, ...settings }, index) => {
    const members = Object.entries(settings).map(([key, value]) => {
      const schema = /^(input|output|config)_schema$/.exec(key)?.[1];
      if (schema === undefined || value === null) return member(key, jsonLiteral(value));
      imports.add('jsonSchema');
      return member(schema, call('jsonSchema', [jsonLiteral(value)]));
    });
    const made = call('defineComponent', [jsonLiteral(name), object(members)]);
    const variable = names.get(ids[index] ?? '') ?? `component${index}`;
    const start = contents.length === 1 ? 'export default ' : `export const ${variable} = `;
    return `${start}${print(made, 0, start.length, 1)};\n`;
  });
  return `import { ${[...imports].join(', ')} } from 'stepbase/workflow';\n\n${statements.join('\n')}`;
}
