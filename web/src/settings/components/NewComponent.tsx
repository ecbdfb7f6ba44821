// Creates a component; afterwards it is open.
import { Button } from '@mantine/core';
import { ask, useAction } from '../../shared/query.ts';
import { supabase } from '../../shared/supabase.ts';
import { Block } from '../parts.tsx';
import { ComponentForm } from './ComponentForm.tsx';
import { type Draft, EMPTY, insertOf } from './draft.ts';
import { COMPONENT_CHANGES } from './use-components.ts';

interface Created {
  id: string;
}

export function useInsertComponent(onCreated: (id: string) => void) {
  return useAction<Draft, Created>(
    (draft) =>
      ask(
        supabase
          .from('components')
          .insert(insertOf(draft) as never)
          .select('id')
          .single(),
      ) as Promise<Created>,
    {
      success: (_, { name, version }) => `${name} has the version ${version}.`,
      changes: COMPONENT_CHANGES,
      onSuccess: ({ id }) => onCreated(id),
      isQuiet: true,
    },
  );
}

export function NewComponent({ onEnd }: { onEnd(id: string | undefined): void }) {
  const create = useInsertComponent(onEnd);
  return (
    <Block title="New component">
      <ComponentForm
        initial={EMPTY}
        stage="component"
        action="Create component"
        isRunning={create.isRunning}
        error={create.error}
        onSave={create.run}
      >
        <Button variant="default" onClick={() => onEnd(undefined)}>
          Cancel
        </Button>
      </ComponentForm>
    </Block>
  );
}
