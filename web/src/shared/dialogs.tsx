// Dialogs that give the focus back. Mantine does so when `opened` becomes false, but most dialogs of the client are mounted
// open and end by being unmounted, so the focus was lost.
import {
  type DrawerProps,
  Drawer as MantineDrawer,
  Modal as MantineModal,
  type ModalProps,
} from '@mantine/core';
import { useEffect, useState } from 'react';

/** The page needs a moment to remove the dialog, and may have moved the focus itself. */
const REMOVAL_MS = 20;

/** Is the first to be rendered inside of a dialog, before the dialog takes the focus. */
function ReturnFocus() {
  const [opener] = useState(() => document.activeElement);
  useEffect(
    () => () => {
      window.setTimeout(() => {
        const isLost = document.activeElement === null || document.activeElement === document.body;
        if (isLost && opener instanceof HTMLElement && opener.isConnected) {
          opener.focus({ preventScroll: true });
        }
      }, REMOVAL_MS);
    },
    [opener],
  );
  return null;
}

export function Modal({ children, ...props }: ModalProps) {
  return (
    <MantineModal {...props}>
      <ReturnFocus />
      {children}
    </MantineModal>
  );
}

export function Drawer({ children, ...props }: DrawerProps) {
  return (
    <MantineDrawer {...props}>
      <ReturnFocus />
      {children}
    </MantineDrawer>
  );
}
