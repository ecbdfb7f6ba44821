// The button of the palette, and its shortcut Ctrl-K or ⌘K. The palette is loaded when it is first opened.
import { Button, Kbd } from '@mantine/core';
import { useHotkeys } from '@mantine/hooks';
import { IconSearch } from '@tabler/icons-react';
import { lazy, Suspense, useState } from 'react';

const Palette = lazy(() => import('./Palette.tsx'));

export function PaletteButton({ app }: { app: string }) {
  const [opened, setOpened] = useState(0);
  const open = () => setOpened((known) => known + 1);
  useHotkeys([['mod+K', open]], []);
  return (
    <>
      <Button
        variant="default"
        size="sm"
        px="xs"
        leftSection={<IconSearch size={16} aria-hidden="true" />}
        rightSection={<Kbd size="xs">Ctrl K</Kbd>}
        visibleFrom="sm"
        onClick={open}
      >
        Search
      </Button>
      <Button
        variant="subtle"
        color="gray"
        size="sm"
        px={6}
        hiddenFrom="sm"
        aria-label="Search"
        onClick={open}
      >
        <IconSearch size={20} aria-hidden="true" />
      </Button>
      {opened > 0 && (
        <Suspense fallback={null}>
          <Palette app={app} opened={opened} />
        </Suspense>
      )}
    </>
  );
}
