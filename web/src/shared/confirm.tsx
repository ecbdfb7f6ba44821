// Asks before an action that cannot be undone. `const answer = await confirm({ title: 'Cancel the run?', action: 'Cancel
// run', isDangerous: true, reason: 'optional' })` is undefined if the person changes their mind, else `{ reason }`. The
// dialog is loaded with the first question.
import { lazy, type ReactNode, Suspense, useSyncExternalStore } from 'react';

const ConfirmDialog = lazy(() => import('./ConfirmDialog.tsx'));

export interface Question {
  title: string;
  /** What will happen, in a sentence or as elements. */
  text?: ReactNode;
  /** The verb of the button, such as "Cancel run". */
  action: string;
  isDangerous?: boolean;
  /** Whether to ask for a reason, for the RPCs that record one. */
  reason?: 'optional' | 'required';
  /** A word that the person has to type, for actions that delete data. */
  typed?: string;
}

export interface Answer {
  /** Empty if none was given. */
  reason: string;
}

interface Pending {
  id: number;
  question: Question;
  resolve(answer: Answer | undefined): void;
}

let pending: readonly Pending[] = [];
let asked = 0;
const listeners = new Set<() => void>();

function set(next: readonly Pending[]): void {
  pending = next;
  for (const listener of listeners) listener();
}

export function confirm(question: Question): Promise<Answer | undefined> {
  asked += 1;
  const id = asked;
  return new Promise((resolve) => set([...pending, { id, question, resolve }]));
}

/** Where the questions are shown; once in the shell. */
export function Confirmations() {
  const [first] = useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => pending,
  );
  if (first === undefined) return null;
  return (
    <Suspense fallback={null}>
      <ConfirmDialog
        key={first.id}
        question={first.question}
        onAnswer={(answer) => {
          set(pending.filter(({ id }) => id !== first.id));
          first.resolve(answer);
        }}
      />
    </Suspense>
  );
}
