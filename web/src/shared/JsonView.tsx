// Shows any JSON value: `<JsonView value={run.input} label="Input" />`. Objects and arrays fold, long texts wrap, and a
// button copies the value. Parts that are deep or long begin folded; large arrays show their first items.
import { ActionIcon, CopyButton, Tooltip, UnstyledButton } from '@mantine/core';
import { IconCheck, IconChevronRight, IconCopy } from '@tabler/icons-react';
import { useState } from 'react';
import classes from './JsonView.module.css';

interface Props {
  value: unknown;
  /** What it is, for screen readers. */
  label: string;
  /** Levels that are open at first. */
  depth?: number;
  /** The height in pixels above which it scrolls. */
  maxHeight?: number;
}

const SHOWN = 100;

function Leaf({ value }: { value: unknown }) {
  const type = value === null ? 'null' : typeof value;
  return <span data-type={type}>{JSON.stringify(value) ?? String(value)}</span>;
}

const isBranch = (value: unknown): value is object => typeof value === 'object' && value !== null;

interface BranchProps {
  name?: string;
  value: object;
  depth: number;
}

function Branch({ name, value, depth }: BranchProps) {
  const isArray = Array.isArray(value);
  const entries = Object.entries(value);
  const [isOpen, setOpen] = useState(depth > 0 && entries.length <= SHOWN);
  const [shown, setShown] = useState(SHOWN);
  const [open, close] = isArray ? ['[', ']'] : ['{', '}'];
  const size = `${entries.length} ${isArray ? 'items' : 'keys'}`;
  if (entries.length === 0) {
    return (
      <div>
        {name !== undefined && <span className={classes.name}>{name}: </span>}
        {open + close}
      </div>
    );
  }
  return (
    <div>
      <UnstyledButton
        className={classes.fold}
        aria-expanded={isOpen}
        onClick={() => setOpen(!isOpen)}
      >
        <IconChevronRight size={14} aria-hidden="true" className={classes.mark} />
        {name !== undefined && <span className={classes.name}>{name}: </span>}
        {open}
        {!isOpen && (
          <span className={classes.size}>
            {' '}
            {size} {close}
          </span>
        )}
      </UnstyledButton>
      {isOpen && (
        <>
          <div className={classes.inside}>
            {entries.slice(0, shown).map(([key, item]) =>
              isBranch(item) ? (
                <Branch key={key} name={key} value={item} depth={depth - 1} />
              ) : (
                <div key={key}>
                  <span className={classes.name}>{key}: </span>
                  <Leaf value={item} />
                </div>
              ),
            )}
            {entries.length > shown && (
              <UnstyledButton className={classes.more} onClick={() => setShown(shown + 10 * SHOWN)}>
                Show more of {size}
              </UnstyledButton>
            )}
          </div>
          <div>{close}</div>
        </>
      )}
    </div>
  );
}

export function JsonView({ value, label, depth = 2, maxHeight = 320 }: Props) {
  return (
    <div className={classes.frame}>
      <CopyButton value={JSON.stringify(value, null, 2) ?? ''}>
        {({ copied, copy }) => (
          <Tooltip label={copied ? 'Copied' : 'Copy'}>
            <ActionIcon
              className={classes.copy}
              variant="subtle"
              color="gray"
              aria-label={copied ? `Copied: ${label}` : `Copy: ${label}`}
              onClick={copy}
            >
              {copied ? <IconCheck size={16} /> : <IconCopy size={16} />}
            </ActionIcon>
          </Tooltip>
        )}
      </CopyButton>
      {/* A group, not a region: a list may show many values with one label, and each region would be a landmark. */}
      {/* biome-ignore lint/a11y/useSemanticElements: a fieldset is for the fields of a form */}
      <div
        role="group"
        className={classes.view}
        style={{ maxHeight }}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard
        tabIndex={0}
        aria-label={label}
      >
        {isBranch(value) ? <Branch value={value} depth={depth} /> : <Leaf value={value} />}
      </div>
    </div>
  );
}
