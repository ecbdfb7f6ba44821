// The filter in the address of the list of runs: its values, and a function that changes several of them at once.
import { useNavigate, useSearch } from '@tanstack/react-router';
import { useCallback, useMemo } from 'react';
import { type FilterKey, type FilterValues, KEYS, valuesOf } from './filter.ts';

export interface RunFilter {
  values: FilterValues;
  /** Undefined or an empty text removes a value. */
  change(values: { [Key in FilterKey]?: string | undefined }): void;
  /** Replaces the whole filter. */
  replace(values: FilterValues): void;
}

export function useRunFilter(): RunFilter {
  const search = useSearch({ strict: false }) as Readonly<Record<string, unknown>>;
  const navigate = useNavigate();
  const values = useMemo(() => valuesOf(search), [search]);
  const write = useCallback(
    (make: (known: Record<string, unknown>) => Record<string, unknown>) =>
      void navigate({
        to: '.',
        search: (known: Record<string, unknown>) =>
          Object.fromEntries(
            Object.entries(make(known)).filter(([, value]) => value !== undefined && value !== ''),
          ),
        replace: true,
      }),
    [navigate],
  );
  return {
    values,
    change: (changes) => write((known) => ({ ...known, ...changes })),
    replace: (next) =>
      write((known) => ({
        ...Object.fromEntries(
          Object.entries(known).filter(([key]) => !(KEYS as readonly string[]).includes(key)),
        ),
        ...next,
      })),
  };
}
