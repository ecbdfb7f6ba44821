// How many runs may wait to start, and the language of the search.
import { Button, Group, NativeSelect, NumberInput, Stack } from '@mantine/core';
import { type FormEvent, useState } from 'react';
import type { Row } from '../shared/supabase.ts';
import { useQuotas, useUpdateApplication } from './use-application.ts';

/** The text search configurations of PostgreSQL. */
const LANGUAGES = [
  'simple',
  'arabic',
  'armenian',
  'basque',
  'catalan',
  'danish',
  'dutch',
  'english',
  'finnish',
  'french',
  'german',
  'greek',
  'hindi',
  'hungarian',
  'indonesian',
  'irish',
  'italian',
  'lithuanian',
  'nepali',
  'norwegian',
  'portuguese',
  'romanian',
  'russian',
  'serbian',
  'spanish',
  'swedish',
  'tamil',
  'turkish',
  'yiddish',
];

export function ApplicationBehaviour({ application }: { application: Row<'applications'> }) {
  const quotas = useQuotas();
  const [waiting, setWaiting] = useState<number | string>(application.max_waiting_runs ?? '');
  const [language, setLanguage] = useState(application.search_language);
  const save = useUpdateApplication();
  const isChanged =
    waiting !== (application.max_waiting_runs ?? '') || language !== application.search_language;
  function submit(event: FormEvent): void {
    event.preventDefault();
    // For the RPC, 0 ends the limit.
    save.run({
      max_waiting_runs: waiting === '' ? 0 : Number(waiting),
      search_language: language,
    });
  }
  return (
    <form onSubmit={submit}>
      <Stack maw={560}>
        <NumberInput
          label="Runs that may wait to start"
          description="Beyond it, starts by people, API keys and webhooks are refused. Empty: no limit."
          min={1}
          {...(quotas.data ? { max: quotas.data.max_open_runs } : {})}
          allowDecimal={false}
          value={waiting}
          onChange={setWaiting}
        />
        <NativeSelect
          label="Language of names and descriptions"
          description="The search finds other forms of their words. Simple: only the words as they are."
          value={language}
          data={LANGUAGES.map((value) => ({
            value,
            label: value.charAt(0).toUpperCase() + value.slice(1),
          }))}
          onChange={(event) => setLanguage(event.currentTarget.value)}
        />
        <Group>
          <Button type="submit" disabled={!isChanged} loading={save.isRunning}>
            Save
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
