// An id that a click copies; a long one is shown by its end.
import { CopyButton, UnstyledButton, VisuallyHidden } from '@mantine/core';
import { IconCheck, IconCopy } from '@tabler/icons-react';
import classes from './run.module.css';

export function Copied({ value, label }: { value: string; label: string }) {
  return (
    <CopyButton value={value}>
      {({ copied, copy }) => (
        <UnstyledButton className={classes.copy} onClick={copy} title={value}>
          {value.length > 20 ? `…${value.slice(-12)}` : value}
          <VisuallyHidden>
            {copied ? `: copied the ${label}` : `: copy the ${label}`}
          </VisuallyHidden>
          {copied ? (
            <IconCheck size={13} aria-hidden="true" />
          ) : (
            <IconCopy size={13} aria-hidden="true" />
          )}
        </UnstyledButton>
      )}
    </CopyButton>
  );
}
