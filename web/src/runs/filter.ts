// The filter of the list of runs. Its values are texts in the address (`status=failed,timed_out&since=24h`), so that a
// reload, the back button and a link keep it; `filterOf` makes the document of search_runs from them.

/** Names of the values in the address, in the order in which the page shows them. */
export const KEYS = [
  'status',
  'workflow',
  'version',
  'since',
  'from',
  'before',
  'trigger',
  'person',
  'error',
  'tag',
  'id',
  'operation',
  'key',
  'input',
  'text',
] as const;
export type FilterKey = (typeof KEYS)[number];
export type FilterValues = Partial<Record<FilterKey, string>>;

/** The lengths of time of `since`, in milliseconds. */
export const SPANS: Readonly<Record<string, number>> = {
  '15m': 900_000,
  '1h': 3_600_000,
  '24h': 86_400_000,
  '7d': 604_800_000,
  '30d': 2_592_000_000,
};

export const list = (value: string | undefined): string[] =>
  value === undefined ? [] : value.split(',').filter(Boolean);

/** The values of a filter among those of an address. */
export function valuesOf(search: Readonly<Record<string, unknown>>): FilterValues {
  const values: FilterValues = {};
  for (const key of KEYS) {
    const value = search[key];
    if (value !== undefined && value !== '') values[key] = String(value);
  }
  return values;
}

/** `order_id=777` as a path and its value. */
export function inputPair(text: string): { path: string; value: string } | undefined {
  const [, path, value] = /^\s*([\w.-]+)\s*=\s*(.+?)\s*$/.exec(text) ?? [];
  return path === undefined || value === undefined ? undefined : { path, value };
}

type FilterDocument = Record<string, string | number | string[] | Record<string, string>>;

/** The filter of search_runs. `now`: where a time such as "the last hour" ends, in milliseconds. */
export function filterOf(values: FilterValues, now: number): FilterDocument {
  const filter: FilterDocument = {};
  const put = (key: string, value: string | undefined) => {
    if (value !== undefined) filter[key] = value;
  };
  const putList = (key: string, value: string | undefined) => {
    const texts = list(value);
    if (texts.length > 0) filter[key] = texts;
  };
  putList('status', values.status);
  const workflows = list(values.workflow);
  const [workflow] = workflows;
  if (workflows.length > 1) filter.workflow = workflows;
  else put('workflow', workflow);
  if (values.version !== undefined && workflows.length === 1) {
    filter.version = Number(values.version);
  }
  const span = values.since === undefined ? undefined : SPANS[values.since];
  // Full minutes, so that the filter stays the same for a while.
  if (span !== undefined) {
    put('created_from', new Date(Math.floor((now - span) / 60_000) * 60_000).toISOString());
  } else {
    put('created_from', values.from);
    put('created_before', values.before);
  }
  putList('trigger_type', values.trigger);
  put('created_by', values.person);
  put('error_code', values.error);
  putList('tag', values.tag);
  putList('id', values.id);
  put('operation', values.operation);
  put('idempotency_key', values.key);
  put('text', values.text);
  const pairs = list(values.input).flatMap((text) => inputPair(text) ?? []);
  if (pairs.length > 0) {
    filter.input = Object.fromEntries(pairs.map(({ path, value }) => [path, value]));
  }
  return filter;
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** What a text in the search box may mean, the likeliest first. `paths`: the searchable inputs of the workflows. */
export function meanings(text: string, paths: readonly string[]): FilterValues[] {
  const wanted = text.trim();
  if (wanted === '') return [];
  if (UUID.test(wanted)) return [{ id: wanted.toLowerCase() }];
  const pair = inputPair(wanted);
  if (pair && paths.includes(pair.path)) return [{ input: `${pair.path}=${pair.value}` }];
  // A comma separates values in the address.
  const inputs = wanted.includes(',') ? [] : paths.slice(0, 8);
  return [
    { key: wanted },
    ...inputs.map((path) => ({ input: `${path}=${wanted}` })),
    ...(wanted.includes(',') ? [] : [{ tag: wanted }]),
    { text: wanted },
  ];
}

const PARTS = 4;

/** An input in words, from the first characters of its JSON: `order_id 777 · email kim@acme.example`. */
export function inputInWords(preview: string | null): string {
  if (preview === null) return 'large input';
  const pairs = [...preview.matchAll(/"([^"\\]+)": ("(?:[^"\\]|\\.)*"|-?[\d.eE+]+|true|false)/g)];
  return pairs
    .map(([, name = '', value = '']) => ({
      name,
      value: value.startsWith('"') ? value.slice(1, -1) : value,
    }))
    .filter(({ value }) => value !== '')
    .slice(0, PARTS)
    .map(({ name, value }) => `${name} ${value.length > 40 ? `${value.slice(0, 39)}…` : value}`)
    .join(' · ');
}
