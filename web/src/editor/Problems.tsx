// All faults of the draft; a click opens the step.
import { Text } from '@mantine/core';
import classes from './editor.module.css';
import { useEditor } from './editor-context.tsx';
import { faultText } from './model/faults.ts';

export function Problems({ onOpen }: { onOpen(id: string): void }) {
  const { doc } = useEditor();
  if (doc.faults.length === 0) return null;
  return (
    <section aria-label="Problems">
      <ul className={classes.problems}>
        {doc.faults.slice(0, 100).map((fault) => {
          const key = `${fault.pointer} ${fault.code} ${fault.message}`;
          const text = (
            <>
              <Text
                span
                size="sm"
                fw={600}
                c={fault.severity === 'error' ? 'var(--sb-danger)' : 'var(--sb-waiting)'}
              >
                {fault.severity === 'error' ? 'Problem' : 'Warning'}
                {fault.node === null ? '' : ` in ${fault.node}`}
              </Text>{' '}
              {faultText(fault)}
            </>
          );
          return (
            <li key={key}>
              {fault.node === null ? (
                <div className={classes.problem} style={{ cursor: 'default' }}>
                  {text}
                </div>
              ) : (
                <button
                  type="button"
                  className={classes.problem}
                  onClick={() => onOpen(fault.node ?? '')}
                >
                  {text}
                </button>
              )}
            </li>
          );
        })}
      </ul>
    </section>
  );
}
