// Every step type has an icon that the web client can draw.

import { expect, test } from 'vitest';
import { stepTypes } from '../../functions/_shared/step-types/index.ts';
import { ICONS, UNKNOWN_ICON } from '../../web/src/shared/step-icons.ts';

test.each(stepTypes)('$name has the icon $icon', ({ icon }) => {
  expect(Object.keys(ICONS)).toContain(icon);
});

test('every icon is used and has a path of its own', () => {
  expect(Object.keys(ICONS).sort()).toEqual([...new Set(stepTypes.map(({ icon }) => icon))].sort());
  const paths = [...Object.values(ICONS), UNKNOWN_ICON];
  expect(new Set(paths).size).toBe(paths.length);
  for (const path of paths) expect(path).toMatch(/^M[\d\s.MLHVAaCcvzhl-]+$/);
});
