// Saved views of the list of runs: names for filters, for one member or for all members of the application.
import { z } from 'zod';
import { crud } from '../crud.ts';
import { equal } from '../lists.ts';
import type { Resource } from '../operation.ts';

export const RUN_VIEW_RESOURCE: Resource = {
  name: 'Saved views',
  description: 'Names for filters of the list of runs.',
  operations: crud({
    table: 'run_views',
    path: '/v1/run-views',
    param: 'view_id',
    component: 'RunView',
    one: 'view of runs',
    many: 'views of runs',
    // Row-level security asks for run:execute where a view is shared.
    permissions: { read: 'run:read', write: 'run:read' },
    sorts: ['created_at', 'name'],
    filters: { name: equal('run_views', 'name'), is_shared: equal('run_views', 'is_shared') },
    overrides: { name: z.string().min(1).max(80) },
    notes: {
      list: 'Lists the views of the caller and the shared views of the application.',
      create:
        'Saves a view. A shared view, and each view of an API key, needs `run:execute`; an API key saves shared views only.',
    },
  }),
};
