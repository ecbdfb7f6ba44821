// The icon of a step type, in its color.
import { ICONS, UNKNOWN_ICON } from './step-icons.ts';

export function StepIcon({ icon, color }: { icon: string; color: string }) {
  return (
    <svg
      className="icon"
      viewBox="0 0 24 24"
      style={{ stroke: color }}
      aria-hidden="true"
      focusable="false"
    >
      <path d={ICONS[icon] ?? UNKNOWN_ICON} />
    </svg>
  );
}
