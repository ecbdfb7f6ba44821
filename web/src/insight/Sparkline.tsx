// A small line of bars: how counts changed over equal parts of a time. Its label has the highest count.
import { count } from '../shared/format.ts';

const BAR = 4;
const HEIGHT = 24;

export function Sparkline({ values }: { values: readonly number[] }) {
  const most = Math.max(1, ...values);
  const width = values.length * BAR;
  return (
    <svg
      width={width}
      height={HEIGHT}
      role="img"
      aria-label={`At most ${count(Math.max(0, ...values))} in one of ${values.length} parts of the time`}
    >
      {values.map((value, index) => {
        const height = value === 0 ? 1 : Math.max(2, (HEIGHT * value) / most);
        return (
          <rect
            // biome-ignore lint/suspicious/noArrayIndexKey: a bar is its place in the series
            key={index}
            x={index * BAR}
            y={HEIGHT - height}
            width={BAR - 1}
            height={height}
            fill={value === 0 ? 'var(--sb-line)' : 'var(--sb-danger)'}
          />
        );
      })}
    </svg>
  );
}
