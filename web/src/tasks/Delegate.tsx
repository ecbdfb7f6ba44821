// Gives a task to another member: a button and its dialog.
import { Button, Group, Select, Stack, Textarea } from '@mantine/core';
import { useState } from 'react';
import { useApp } from '../shared/app.tsx';
import { Modal } from '../shared/dialogs.tsx';
import { ask, useAction } from '../shared/query.ts';
import { supabase } from '../shared/supabase.ts';
import { TaskProblem } from './TaskForm.tsx';
import { nameOf, type TaskRow } from './task.ts';
import { usePeople } from './use-people.ts';

export function Delegate({ task, onDone }: { task: TaskRow; onDone(): void }) {
  const { userId } = useApp();
  const people = usePeople();
  const [isOpen, setOpen] = useState(false);
  const [to, setTo] = useState<string | null>(null);
  const [note, setNote] = useState('');
  const delegate = useAction(
    async (user_id: string) =>
      await ask(
        supabase.rpc('delegate_task', {
          step_run_id: task.id,
          user_id,
          ...(note.trim() === '' ? {} : { note: note.trim() }),
        }),
      ),
    {
      isQuiet: true,
      changes: [['tasks'], ['open-tasks']],
      success: (_row, id) => `${nameOf(people.get(id))} has the task now.`,
      onSuccess: () => {
        setOpen(false);
        onDone();
      },
    },
  );
  const choices = [...people.values()]
    .filter(({ id }) => id !== userId && id !== task.assigned_to)
    .map((person) => ({ value: person.id, label: `${nameOf(person)} (${person.email})` }));
  return (
    <>
      <Button variant="default" onClick={() => setOpen(true)}>
        Delegate
      </Button>
      <Modal opened={isOpen} onClose={() => setOpen(false)} title="Delegate the task">
        <form
          onSubmit={(event) => {
            event.preventDefault();
            if (to !== null) delegate.run(to);
          }}
        >
          <Stack>
            <Select
              label="To"
              description="Any member of the application, with any role."
              placeholder="Choose a member"
              searchable
              data={choices}
              value={to}
              onChange={setTo}
              nothingFoundMessage="No member has this name"
            />
            <Textarea
              label="Note (optional)"
              description="It goes to the history of the run and to the mail."
              autosize
              minRows={2}
              maxLength={1_000}
              value={note}
              onChange={(event) => setNote(event.currentTarget.value)}
            />
            <TaskProblem error={delegate.error} />
            <Group justify="flex-end">
              <Button variant="default" onClick={() => setOpen(false)}>
                Cancel
              </Button>
              <Button type="submit" disabled={to === null} loading={delegate.isRunning}>
                Delegate
              </Button>
            </Group>
          </Stack>
        </form>
      </Modal>
    </>
  );
}
