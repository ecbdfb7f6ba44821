// Refused starts: changes of tables for which a database trigger started no run.
import { found, readRow } from '../crud.ts';
import { equal, type ListSpec, listQuery, pageOf, readList } from '../lists.ts';
import { type Resource, statement } from '../operation.ts';
import { columnNames, row } from '../rows.ts';

const SUMMARY = { without: ['input'] };
const STARTS: ListSpec = {
  table: 'refused_starts',
  columns: columnNames('refused_starts', SUMMARY),
  sorts: ['-created_at'],
  filters: {
    database_trigger: equal('refused_starts', 'database_trigger'),
    workflow: equal('refused_starts', 'workflow'),
  },
};

export const REFUSED_START_RESOURCE: Resource = {
  name: 'Refused starts',
  description: 'Changes of tables for which a database trigger started no run.',
  operations: [
    statement(
      {
        id: 'listRefusedStarts',
        method: 'GET',
        path: '/v1/refused-starts',
        title: 'List refused starts',
        permission: 'schedule:read',
        description:
          'Lists the refused starts with their errors, the newest first, without inputs.',
        query: listQuery(STARTS),
        replies: {
          200: {
            description: 'one page',
            schema: pageOf(
              'RefusedStartPage',
              row('refused_starts', 'RefusedStartSummary', SUMMARY),
            ),
          },
        },
        errors: [],
      },
      async (query, call) => ({ body: await readList(query, STARTS, call.query) }),
    ),
    statement(
      {
        id: 'getRefusedStart',
        method: 'GET',
        path: '/v1/refused-starts/:refused_start_id',
        title: 'Read a refused start',
        permission: 'schedule:read',
        description: 'Returns the refused start with the input that the run would have had.',
        replies: {
          200: { description: 'the refused start', schema: row('refused_starts', 'RefusedStart') },
        },
        errors: ['not_found'],
      },
      async (query, { params: { refused_start_id: id = '' } }) => ({
        body: found('refused start', await readRow(query, { table: 'refused_starts' }, id)),
      }),
    ),
  ],
};
