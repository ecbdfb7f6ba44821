// What the start form reads: the workflows that can be started, the version with its input schema, and recent inputs.
import type { UseQueryResult } from '@tanstack/react-query';
import { ask, useAppQuery } from '../shared/query.ts';
import { readAll } from '../shared/read-all.ts';
import { type Json, supabase } from '../shared/supabase.ts';
import { distinctInputs } from './inputs.ts';

export interface Choice {
  kebab_name: string;
  name: string;
  description: string;
}

/** The published workflows by name. */
export function useChoices(isEnabled = true): UseQueryResult<Choice[], Error> {
  return useAppQuery(
    ['workflows', 'startable'],
    (signal) =>
      readAll<Choice>(
        (from, to) =>
          supabase
            .from('workflows')
            .select('kebab_name,name,description')
            .eq('status', 'published')
            .is('deleted_at', null)
            .order('name')
            .order('kebab_name')
            .range(from, to)
            .abortSignal(signal),
        ({ kebab_name }) => kebab_name,
      ),
    { enabled: isEnabled },
  );
}

export interface Startable {
  id: string;
  kebab_name: string;
  name: string;
  description: string;
  status: string;
  published_version_id: string | null;
  /** Those that can be started, newest first. */
  versions: { id: string; version: number; input_schema: Json | null }[];
}

export function useStartable(workflow: string): UseQueryResult<Startable, Error> {
  return useAppQuery(['workflows', workflow, 'startable'], async (signal) => {
    const found = await ask(
      supabase
        .from('workflows')
        .select('id,kebab_name,name,description,status,published_version_id')
        .eq('kebab_name', workflow)
        .is('deleted_at', null)
        .abortSignal(signal)
        .single(),
    );
    const versions = await ask(
      supabase
        .from('workflow_versions')
        .select('id,version,input_schema')
        .eq('workflow_id', found.id)
        .in('status', ['published', 'deprecated'])
        .order('version', { ascending: false })
        .limit(100)
        .abortSignal(signal),
    );
    return { ...found, versions };
  });
}

export interface RecentInput {
  id: string;
  input: Json;
  status: string;
  created_at: string;
}

const READ = 30;
const SHOWN = 8;

/** The different inputs of the last runs, newest first. */
export function useRecentInputs(
  workflowId: string | undefined,
  isEnabled: boolean,
): UseQueryResult<RecentInput[], Error> {
  return useAppQuery(
    ['runs', 'recent-inputs', workflowId],
    async (signal) =>
      distinctInputs(
        await ask(
          supabase
            .from('runs')
            .select('id,input,status,created_at')
            .eq('workflow_id', workflowId ?? '')
            .order('created_at', { ascending: false })
            .limit(READ)
            .abortSignal(signal),
        ),
        SHOWN,
      ),
    { enabled: isEnabled && workflowId !== undefined },
  );
}
