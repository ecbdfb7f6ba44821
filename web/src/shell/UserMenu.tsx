// The button of the menu of the user. The menu is loaded when a person points to it or opens it.
import { ActionIcon } from '@mantine/core';
import { IconUserCircle } from '@tabler/icons-react';
import { lazy, Suspense, useState } from 'react';

const load = () => import('./UserMenuList.tsx');
const UserMenuList = lazy(load);

export function UserMenu() {
  const [wasOpened, setOpened] = useState(false);
  const button = (
    <ActionIcon
      variant="subtle"
      color="gray"
      size="lg"
      aria-label="Account and theme"
      aria-haspopup="menu"
      onPointerEnter={() => void load()}
      onClick={() => setOpened(true)}
    >
      <IconUserCircle size={22} aria-hidden="true" />
    </ActionIcon>
  );
  if (!wasOpened) return button;
  return (
    <Suspense fallback={button}>
      <UserMenuList />
    </Suspense>
  );
}
