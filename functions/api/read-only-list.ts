// The list of a view or table that clients only read.
import { type ListSpec, listQuery, pageOf, readList } from './lists.ts';
import { type Operation, statement } from './operation.ts';
import { row } from './rows.ts';

export interface ReadOnlySpec {
  id: string;
  path: string;
  title: string;
  permission: string;
  description: string;
  component: string;
  list: ListSpec;
}

export function readOnlyList({ component, list, ...definition }: ReadOnlySpec): Operation {
  return statement(
    {
      ...definition,
      method: 'GET',
      query: listQuery(list),
      replies: {
        200: {
          description: 'one page',
          schema: pageOf(`${component}Page`, row(list.table, component)),
        },
      },
      errors: [],
    },
    async (query, call) => ({ body: await readList(query, list, call.query) }),
  );
}
