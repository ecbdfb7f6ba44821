// Reads an invoice with a language model. A person checks what the model is not sure of; then it is stored in a table.
import { defineWorkflow, expr, jsonSchema } from 'stepbase/workflow';
import { z } from 'zod';

/** What the model reads in an invoice. */
export const Invoice = z.object({
  supplier: z.string(),
  number: z.string(),
  total: z.number(),
  /** From 0 to 1. */
  confidence: z.number(),
});

export const documentIngestion = defineWorkflow(
  'document-ingestion',
  { input: z.object({ document_id: z.string(), url: z.url(), model: z.string() }) },
  (w) => {
    const fetch = w.httpRequest('fetch', { url: w.input.url }, { retry: { max_attempts: 3 } });
    const extract = w.llmCall(
      'extract',
      {
        model: w.input.model,
        system: 'You read invoices. Set confidence below 0.9 if you are not sure.',
        prompt: expr<string>`$string(${fetch.output.body})`,
        temperature: 0,
        response_schema: Invoice,
      },
      { retry: { max_attempts: 3 } },
    );
    const sure = w.condition('sure', {
      expression: expr<boolean>`${extract.output.object.confidence} >= 0.9`,
    });
    const check = w.userTask(
      'check',
      {
        title: `Check invoice ${extract.output.object.number}`,
        description: `${w.input.url}\n\nThe model read: ${extract.output.object.supplier}, ${extract.output.object.total}`,
        role: 'developer',
        form: jsonSchema({
          type: 'object',
          required: ['supplier', 'number', 'total'],
          properties: {
            supplier: { type: 'string' },
            number: { type: 'string' },
            total: { type: 'number' },
          },
        }),
      },
      { after: sure.on('false') },
    );
    // Called with the rights of a role that may execute this function only: see supabase/migrations.
    return [
      w.sqlFunction(
        'store',
        {
          function: 'public.store_invoice',
          arguments: {
            document_id: w.input.document_id,
            // A branch that was not taken has no output.
            invoice: expr<object>`$exists(${check.output}) ? ${check.output} : ${extract.output.object}`,
          },
        },
        { join: 'any', after: [sure.on('true'), check] },
      ),
    ];
  },
);
