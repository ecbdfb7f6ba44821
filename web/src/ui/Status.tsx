// A status as everywhere: a coloured dot and its name.
import { words } from './format.ts';

export function Status({ name }: { name: string }) {
  return (
    <span className={`status status-${name}`} data-status={name}>
      <span className="status-dot" aria-hidden="true" />
      {words(name)}
    </span>
  );
}
