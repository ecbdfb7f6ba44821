// The actions that the status of a run and the role of the person allow. The most likely one is a button; the others are
// in a menu.
import { Button, Menu } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconChevronDown } from '@tabler/icons-react';
import { lazy, Suspense, useEffect } from 'react';
import { hasEnded } from '../../../../sdk/src/live/index.ts';
import { useMay } from '../../shared/app.tsx';
import { useCommands } from '../../shared/commands.ts';
import { hasFailed } from '../../shared/run-status.ts';
import type { Run } from '../../shared/supabase.ts';
import type { RunSnapshot } from '../../shared/use-run.ts';
import { useCancel, usePause, useResume } from './use-run-actions.ts';

const RerunDialog = lazy(() => import('./RerunDialog.tsx'));
const ContinueDialog = lazy(() => import('./ContinueDialog.tsx'));
const CompareDialog = lazy(() => import('./CompareDialog.tsx'));

interface Props {
  snapshot: RunSnapshot;
  /** The step to run again from; null: the whole run; undefined: the dialog is closed. */
  rerunFrom: string | null | undefined;
  onRerun(from: string | null | undefined): void;
}

interface Entry {
  id: string;
  label: string;
  isShown: boolean;
  isDangerous?: boolean;
  run(): void;
}

function useEntries(run: Run, open: { rerun(): void; continue(): void; compare(): void }): Entry[] {
  const mayStart = useMay('run:execute');
  const mayCancel = useMay('run:cancel');
  const pause = usePause(run);
  const resume = useResume(run);
  const cancel = useCancel(run);
  const isEnded = hasEnded(run.status);
  const isEnding = run.pending_outcome !== null;
  const isOpen = !isEnded && !isEnding;
  const isFailed = hasFailed(run.status);
  return [
    {
      id: 'end',
      label: 'End now',
      isShown: !isEnded && isEnding && mayCancel,
      isDangerous: true,
      run: () => void cancel(true),
    },
    {
      id: 'resume',
      label: 'Resume',
      isShown: isOpen && run.status === 'paused' && mayStart,
      run: () => resume.run(),
    },
    {
      id: 'pause',
      label: 'Pause',
      isShown: isOpen && run.status === 'running' && mayStart,
      run: () => pause.run(),
    },
    {
      id: 'cancel',
      label: 'Cancel',
      isShown: isOpen && mayCancel,
      isDangerous: true,
      run: () => void cancel(false),
    },
    { id: 'rerun', label: 'Run again', isShown: isEnded && mayStart, run: open.rerun },
    { id: 'compare', label: 'Compare with another run', isShown: true, run: open.compare },
    {
      id: 'continue',
      label: 'Continue on another version',
      // A failed child continues with its parent.
      isShown: mayStart && ((isOpen && mayCancel) || (isFailed && run.parent_run_id === null)),
      run: open.continue,
    },
  ];
}

/** How many entries are buttons. */
const BUTTONS = 2;

export function RunActions({ snapshot, rerunFrom, onRerun }: Props) {
  const { run, workflow, version, nodes } = snapshot;
  const [isContinuing, continuing] = useDisclosure();
  const [isComparing, comparing] = useDisclosure();
  const entries = useEntries(run, {
    rerun: () => onRerun(null),
    continue: continuing.open,
    compare: comparing.open,
  }).filter(({ isShown }) => isShown);
  const buttons = entries
    .filter(({ id }) => id !== 'compare' && id !== 'continue')
    .slice(0, BUTTONS);
  const others = entries.filter((entry) => !buttons.includes(entry));
  const signature = entries.map(({ id }) => id).join(' ');
  useCommands(
    entries.map(({ id, label, run: start }) => ({
      id: `run-${id}`,
      label: `${label} this run`.replace('run this run', 'run'),
      group: 'Run',
      run: start,
    })),
    [signature, run.id],
  );
  // Another run is another dialog.
  // biome-ignore lint/correctness/useExhaustiveDependencies: the dialogs close with the change of the run
  useEffect(() => {
    continuing.close();
    comparing.close();
  }, [run.id]);

  return (
    <>
      {buttons.map(({ id, label, isDangerous, run: start }) => (
        <Button
          key={id}
          {...(isDangerous ? { color: 'red.8' } : { variant: 'default' })}
          onClick={start}
        >
          {label}
        </Button>
      ))}
      {others.length > 0 && (
        <Menu position="bottom-end" withinPortal>
          <Menu.Target>
            <Button
              variant="default"
              rightSection={<IconChevronDown size={16} aria-hidden="true" />}
            >
              More
            </Button>
          </Menu.Target>
          <Menu.Dropdown>
            {others.map(({ id, label, run: start }) => (
              <Menu.Item key={id} onClick={start}>
                {label}
              </Menu.Item>
            ))}
          </Menu.Dropdown>
        </Menu>
      )}
      <Suspense fallback={null}>
        {rerunFrom !== undefined && (
          <RerunDialog
            run={run}
            version={version}
            nodes={nodes}
            from={rerunFrom}
            onClose={() => onRerun(undefined)}
          />
        )}
        {isContinuing && (
          <ContinueDialog run={run} workflow={workflow} onClose={continuing.close} />
        )}
        {isComparing && <CompareDialog run={run} onClose={comparing.close} />}
      </Suspense>
    </>
  );
}
