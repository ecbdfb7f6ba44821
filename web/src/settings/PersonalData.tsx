// Requests of persons about their data: export every row that names a person, or erase the person. Also for people who are
// no longer members: the audit log has their id.
import { Button, Group, NativeSelect, Progress, Stack, Text, TextInput } from '@mantine/core';
import { useState } from 'react';
import { useApp } from '../shared/app.tsx';
import { confirm } from '../shared/confirm.tsx';
import { count } from '../shared/format.ts';
import { ask, useAction } from '../shared/query.ts';
import { supabase } from '../shared/supabase.ts';
import { Block, nameOf, Panel, usePeople } from './parts.tsx';
import { EXPORT_NEEDS, usePersonExport } from './use-export.ts';

const LAST_ADMIN = { conflict: 'This is the last admin. Make another member admin first.' };
const CHANGES = [['app_members'], ['users'], ['audit_log']] as const;
const OTHER = 'other';
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** The call answers after a bounded number of rows, so it is repeated until no row names the person. */
async function erase(user_id: string): Promise<number> {
  let rows = 0;
  for (;;) {
    const { erased, is_complete } = (await ask(
      supabase.rpc('erase_person', { user_id }),
    )) as unknown as { erased: Record<string, number>; is_complete: boolean };
    rows += Object.values(erased).reduce((sum, each) => sum + each, 0);
    if (is_complete) return rows;
  }
}

export function PersonalData() {
  const { permissions, userId } = useApp();
  const people = usePeople();
  const [chosen, setChosen] = useState(userId);
  const [id, setId] = useState('');
  const person = chosen === OTHER ? id.trim().toLowerCase() : chosen;
  const name = nameOf(people, person);
  const isValid = UUID.test(person);
  const { start, stop, progress, isRunning } = usePersonExport(person);
  const eraseAll = useAction(erase, {
    success: (rows) => `The person is erased from ${count(rows)} rows.`,
    changes: CHANGES,
    texts: LAST_ADMIN,
  });
  async function askToErase(): Promise<void> {
    const answer = await confirm({
      title: `Erase ${name}?`,
      text: 'The membership ends, and no row of the application names the person any more. The audit log keeps the id until its retention ends.',
      action: 'Erase the person',
      isDangerous: true,
      typed: people.get(person)?.email ?? person,
    });
    if (answer) eraseAll.run(person);
  }
  const mayExport = EXPORT_NEEDS.every((each) => permissions.has(each));
  return (
    <Block
      title="Personal data"
      text="For the request of a person to receive or to erase their data."
    >
      <Panel>
        <Stack>
          <Group align="flex-end">
            <NativeSelect
              label="Person"
              value={chosen}
              data={[
                ...[...people.values()].map((each) => ({ value: each.id, label: each.email })),
                { value: OTHER, label: 'A former member, by id' },
              ]}
              onChange={(event) => setChosen(event.currentTarget.value)}
            />
            {chosen === OTHER && (
              <TextInput
                label="Id of the user"
                w={340}
                maw="100%"
                value={id}
                description="Rows of the audit log have it."
                onChange={(event) => setId(event.currentTarget.value)}
              />
            )}
          </Group>
          <Text size="sm" c="dimmed">
            The export is a file with one JSON row per line: the membership, and each row that names
            the person, such as runs that they started and tasks that they completed.
          </Text>
          {isRunning && (
            <Progress value={progress.percent} aria-label="Progress of the export" striped />
          )}
          <Group>
            {mayExport && (
              <Button
                variant="default"
                loading={isRunning}
                disabled={!isValid}
                onClick={() => void start()}
              >
                Export the person's data
              </Button>
            )}
            {isRunning && (
              <Button variant="subtle" onClick={stop}>
                Stop
              </Button>
            )}
            {person !== userId && (
              <Button
                variant="default"
                c="var(--sb-danger)"
                loading={eraseAll.isRunning}
                disabled={!isValid}
                onClick={() => void askToErase()}
              >
                Erase the person
              </Button>
            )}
          </Group>
        </Stack>
      </Panel>
    </Block>
  );
}
