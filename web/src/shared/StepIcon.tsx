// The icon of a step type, in its color.
import type { CSSProperties } from 'react';
import { ICONS, UNKNOWN_ICON } from './step-icons.ts';

interface Props {
  icon: string;
  color: string;
  size?: number;
}

export function StepIcon({ icon, color, size = 22 }: Props) {
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 24 24"
      fill="none"
      strokeWidth={1.7}
      strokeLinecap="round"
      strokeLinejoin="round"
      className="step-icon"
      style={{ flex: 'none', '--step-color': color } as CSSProperties}
      aria-hidden="true"
      focusable="false"
    >
      <path d={ICONS[icon] ?? UNKNOWN_ICON} />
    </svg>
  );
}
