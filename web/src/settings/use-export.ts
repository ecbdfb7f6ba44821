// Reads every table of the application page by page and saves the rows as one file of JSON lines.
import { useRef, useState } from 'react';
import { useAppCode } from '../shared/app.tsx';
import { notify } from '../shared/notify.ts';
import { ask } from '../shared/query.ts';
import { type Json, supabase } from '../shared/supabase.ts';
import { download } from './parts.tsx';

interface ExportPage {
  rows: Json[];
  next: Json | null;
}

export function useExport() {
  const code = useAppCode();
  const [progress, setProgress] = useState({ percent: 0, rows: 0 });
  const [isRunning, setRunning] = useState(false);
  const stopped = useRef(false);

  async function start(): Promise<void> {
    stopped.current = false;
    setRunning(true);
    setProgress({ percent: 0, rows: 0 });
    const lines: string[] = [];
    try {
      const { tables } = (await ask(supabase.rpc('export_application', {}))) as unknown as {
        tables: string[];
      };
      for (const [n, table] of tables.entries()) {
        let after: Json | null = null;
        do {
          if (stopped.current) return;
          const page = (await ask(
            supabase.rpc('export_application', {
              table_name: table,
              ...(after === null ? {} : { after }),
            }),
          )) as unknown as ExportPage;
          for (const row of page.rows) lines.push(`${JSON.stringify({ table, row })}\n`);
          after = page.next;
          setProgress({ percent: (100 * (n + 1)) / tables.length, rows: lines.length });
        } while (after !== null);
      }
      download(`${code}.jsonl`, 'application/x-ndjson', lines);
      notify.success(`The export has ${lines.length} rows.`);
    } catch (error) {
      notify.error(error);
    } finally {
      setRunning(false);
    }
  }

  return {
    start,
    stop: () => {
      stopped.current = true;
    },
    progress,
    isRunning,
  };
}
