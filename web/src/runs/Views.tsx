// Saved views of the list of runs: a name for a filter, for the person alone or for all members. The menu is loaded with
// the first click.
import { Button } from '@mantine/core';
import { IconBookmark } from '@tabler/icons-react';
import { lazy, Suspense, useState } from 'react';
import type { RunFilter } from './use-run-filter.ts';

const ViewsMenu = lazy(() => import('./ViewsMenu.tsx'));

export function Views({ filter }: { filter: RunFilter }) {
  const [isUsed, setUsed] = useState(false);
  const button = (
    <Button
      variant="default"
      leftSection={<IconBookmark size={16} aria-hidden="true" />}
      aria-haspopup="menu"
      onClick={() => setUsed(true)}
    >
      Views
    </Button>
  );
  return isUsed ? (
    <Suspense fallback={button}>
      <ViewsMenu filter={filter} />
    </Suspense>
  ) : (
    button
  );
}
