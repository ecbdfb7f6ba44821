// Exports page by page: every table of the application, or the rows that name a person, as one file of JSON lines.
import { useRef, useState } from 'react';
import { useAppCode } from '../shared/app.tsx';
import { count } from '../shared/format.ts';
import { notify } from '../shared/notify.ts';
import { ask } from '../shared/query.ts';
import { type Json, supabase } from '../shared/supabase.ts';
import { download } from './parts.tsx';

/** The permissions that an export requires. */
export const EXPORT_NEEDS = [
  'member:manage',
  'audit:read',
  'key:read',
  'run:read',
  'workflow:read',
  'component:read',
  'prompt:read',
];

interface Page {
  rows: Json[];
  next: Json | null;
}

interface Source {
  /** The name of the file, without its end. */
  file: string;
  /** The tables to read, and lines that come first. */
  begin(): Promise<{ tables: string[]; lines: string[] }>;
  page(table: string, after: Json | null): Promise<Page>;
}

function useTables({ file, begin, page }: Source) {
  const [progress, setProgress] = useState({ percent: 0, rows: 0 });
  const [isRunning, setRunning] = useState(false);
  const stopped = useRef(false);

  async function start(): Promise<void> {
    stopped.current = false;
    setRunning(true);
    setProgress({ percent: 0, rows: 0 });
    try {
      const { tables, lines } = await begin();
      let rows = 0;
      for (const [n, table] of tables.entries()) {
        let after: Json | null = null;
        do {
          if (stopped.current) return;
          const read: Page = await page(table, after);
          for (const row of read.rows) lines.push(`${JSON.stringify({ table, row })}\n`);
          rows += read.rows.length;
          after = read.next;
          setProgress({ percent: (100 * (n + 1)) / tables.length, rows });
        } while (after !== null);
      }
      download(`${file}.jsonl`, 'application/x-ndjson', lines);
      notify.success(
        rows === 1 ? 'The export has one row.' : `The export has ${count(rows)} rows.`,
      );
    } catch (error) {
      notify.error(error);
    } finally {
      setRunning(false);
    }
  }
  const stop = (): void => {
    stopped.current = true;
  };
  return { start, stop, progress, isRunning };
}

const place = (after: Json | null) => (after === null ? {} : { after });

export function useExport() {
  const code = useAppCode();
  return useTables({
    file: code,
    begin: async () => {
      const { tables } = (await ask(supabase.rpc('export_application', {}))) as unknown as {
        tables: string[];
      };
      return { tables, lines: [] };
    },
    page: async (table_name, after) =>
      (await ask(
        supabase.rpc('export_application', { table_name, ...place(after) }),
      )) as unknown as Page,
  });
}

export function usePersonExport(user_id: string) {
  const code = useAppCode();
  return useTables({
    file: `${code}-${user_id}`,
    begin: async () => {
      const found = (await ask(supabase.rpc('export_person', { user_id }))) as unknown as {
        tables: string[];
        profile: Json | null;
      };
      const { profile, tables } = found;
      return { tables, lines: [`${JSON.stringify({ user_id, profile })}\n`] };
    },
    page: async (table_name, after) =>
      (await ask(
        supabase.rpc('export_person', { user_id, table_name, ...place(after) }),
      )) as unknown as Page,
  });
}
