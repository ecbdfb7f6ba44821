// The icon of a step type, in its color.
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
      stroke={color}
      strokeWidth={1.7}
      strokeLinecap="round"
      strokeLinejoin="round"
      style={{ flex: 'none' }}
      aria-hidden="true"
      focusable="false"
    >
      <path d={ICONS[icon] ?? UNKNOWN_ICON} />
    </svg>
  );
}
