// A status: a coloured dot and the name.
import { words } from './format.ts';

export function Status({ name }: { name: string }) {
  return (
    <span className={`status status-${name}`} data-status={name}>
      <span className="status-dot" aria-hidden="true" />
      {words(name)}
    </span>
  );
}
