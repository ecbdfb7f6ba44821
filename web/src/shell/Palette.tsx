// The palette: pages, the commands of the page and of all pages, and a search of workflows and runs.

import { useDebouncedValue } from '@mantine/hooks';
import { createSpotlight, Spotlight, type SpotlightActionGroupData } from '@mantine/spotlight';
import { useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { type KeyboardEvent, useEffect, useState } from 'react';
import { filterOf, meanings } from '../runs/filter.ts';
import { type Command, useRegisteredCommands } from '../shared/commands.ts';
import { words } from '../shared/format.ts';
import { ask } from '../shared/query.ts';
import { supabase } from '../shared/supabase.ts';
import { useGlobalCommands } from '../start/commands.ts';
import { PAGES } from './pages.ts';
import { useNavPermissions } from './use-nav.ts';

const FOUND = 8;

const [store, spotlight] = createSpotlight();

const entries = () => [
  ...(document.getElementById(store.getState().listId)?.querySelectorAll('[data-action]') ?? []),
];

/** Enter takes the first entry. Mantine chooses none before an arrow key is pressed, and keeps the place of one that is gone. */
function chooseFirst(): void {
  entries().forEach((entry, place) => {
    entry.toggleAttribute('data-selected', place === 0);
  });
  store.updateState((state) => ({ ...state, selected: 0 }));
}

/** The list may just have opened. */
function onKeyDown({ key }: KeyboardEvent): void {
  const isChosen = entries().some((entry) => entry.hasAttribute('data-selected'));
  if (key === 'Enter' && !isChosen) chooseFirst();
}

interface FoundRun {
  id: string;
  status: string;
  workflow: string;
}

/** Runs of which the text is the id, the idempotency key or a tag, or whose workflow it names. */
async function findRuns(text: string): Promise<FoundRun[]> {
  const answers = await Promise.all(
    meanings(text, []).map((values) =>
      ask(supabase.rpc('search_runs', { filter: filterOf(values, Date.now()), page_size: FOUND })),
    ),
  );
  const runs = new Map<string, FoundRun>();
  for (const { items } of answers as unknown as { items: FoundRun[] }[]) {
    for (const run of items) runs.set(run.id, run);
  }
  return [...runs.values()].slice(0, FOUND);
}

/** Runs, and workflows by name, as commands. */
function useFound(app: string, query: string, go: (to: string) => void): Command[] {
  const { data = [] } = useQuery({
    queryKey: [app, 'palette', query],
    enabled: query.trim().length >= 2,
    queryFn: async (): Promise<Command[]> => {
      const [workflows, runs] = await Promise.all([
        ask(supabase.rpc('search_workflows', { query: query.trim() })),
        findRuns(query),
      ]);
      return [
        ...workflows.slice(0, FOUND).map(({ id, name, kebab_name }) => ({
          id: `workflow:${id}`,
          label: name,
          description: kebab_name,
          group: 'Workflows',
          run: () => go(`/workflows/${kebab_name}`),
        })),
        ...runs.map(({ id, status, workflow }) => ({
          id: `run:${id}`,
          label: `${workflow}, ${words(status)}`,
          description: id,
          group: 'Runs',
          run: () => go(`/runs/${id}`),
        })),
      ];
    },
  });
  return data;
}

export default function Palette({ app, opened }: { app: string; opened: number }) {
  const [query, setQuery] = useState('');
  const [debounced] = useDebouncedValue(query, 200);
  const navigate = useNavigate();
  const permissions = useNavPermissions(app);
  const go = (to: string) => void navigate({ to: `/${app}${to === '/' ? '' : to}` });
  const registered = useRegisteredCommands();
  const found = useFound(app, debounced, go);
  const general = useGlobalCommands(app, debounced, { go, permissions });

  // biome-ignore lint/correctness/useExhaustiveDependencies: each press of the shortcut opens it
  useEffect(() => spotlight.open(), [opened]);

  const pages: Command[] = PAGES.flatMap(({ path, nav, permission }) =>
    nav && (permission === undefined || permissions?.has(permission) !== false)
      ? [{ id: `page:${path}`, label: nav.label, group: 'Pages', run: () => go(path) }]
      : [],
  );
  const text = query.trim().toLowerCase();
  const matches = ({ label, keywords = [] }: Command) =>
    [label, ...keywords].some((word) => word.toLowerCase().includes(text));
  // The command of the page comes first and hides a general one of the same name.
  const own = new Set(registered.map(({ label }) => label));
  const shown = [
    ...registered.filter(matches),
    ...general.filter((command) => !own.has(command.label) && matches(command)),
    ...pages.filter(matches),
    ...(query === debounced ? found : []),
  ];

  const ids = shown.map(({ id }) => id).join(' ');
  // biome-ignore lint/correctness/useExhaustiveDependencies: another list has another first entry
  useEffect(chooseFirst, [ids, opened]);

  const groups = new Map<string, SpotlightActionGroupData>();
  for (const command of shown) {
    const name = command.group ?? 'Actions';
    const group = groups.get(name) ?? { group: name, actions: [] };
    group.actions.push({
      id: command.id,
      label: command.label,
      ...(command.description ? { description: command.description } : {}),
      onClick: command.run,
    });
    groups.set(name, group);
  }

  return (
    <Spotlight
      store={store}
      actions={[...groups.values()]}
      query={query}
      onQueryChange={setQuery}
      // The entries are filtered above; the search has its own order.
      filter={(_query, actions) => actions}
      shortcut={null}
      overlayProps={{ blur: 0 }}
      nothingFound="Nothing is found."
      scrollable
      maxHeight={420}
      attributes={{ content: { 'aria-label': 'Search' } }}
      // Mantine dims it, too much on the color of the chosen entry.
      styles={{ actionDescription: { opacity: 1 } }}
      searchProps={{
        onKeyDown,
        placeholder: 'Search pages, actions, workflows and runs',
        'aria-label': 'Search pages, actions, workflows and runs',
      }}
    />
  );
}
