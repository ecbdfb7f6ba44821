// Copies a catalogue into a table: reads how many pages there are, and syncs four pages at a time, each in a run of its own.
import { defineWorkflow, expr, shape } from 'stepbase/workflow';
import { z } from 'zod';

export interface Product {
  sku: string;
  name: string;
  price: number;
}

/** One page: fetched, and written in one transaction. */
export const syncPage = defineWorkflow(
  'sync-page',
  { input: z.object({ source_url: z.url(), page: z.number() }) },
  (w) => {
    const fetch = w.httpRequest(
      'fetch',
      { url: w.input.source_url, query: { page: w.input.page } },
      { output: shape<{ products: Product[] }>(), retry: { max_attempts: 5 } },
    );
    return w.sqlFunction(
      'upsert',
      { function: 'public.upsert_products', arguments: { products: fetch.output.body.products } },
      { output: shape<number>() },
    );
  },
);

export const nightlySync = defineWorkflow(
  'nightly-sync',
  { input: z.object({ source_url: z.url() }) },
  (w) => {
    const first = w.httpRequest(
      'first',
      { url: w.input.source_url, query: { page: 1 } },
      { output: shape<{ pages: number }>(), retry: { max_attempts: 5 } },
    );
    const pages = w.forEach(
      'pages',
      {
        items: expr<number[]>`[1..${first.output.body.pages}]`,
        concurrency: 4,
        step: ({ item, step }) =>
          step.childWorkflow({
            workflow: syncPage,
            input: { source_url: w.input.source_url, page: item },
          }),
      },
      // A page that cannot be read does not stop the others.
      { on_error: 'continue' },
    );
    return w.transform('report', {
      expression: expr<{ products: number; failed: number }>`{
        "products": $sum(${pages.output}.upsert),
        "failed": $count(${pages.output}.error)
      }`,
    });
  },
);
