// A form for any JSON Schema: `<SchemaForm schema={version.input_schema} value={value} onChange={setValue}
// onSubmit={start}><Button type="submit">Start</Button></SchemaForm>`. It is loaded when it is shown. `isFormable(schema)`
// says whether the schema describes fields; for others, use JsonEditor.
import { lazy, Suspense } from 'react';
import { LoadingState } from '../states.tsx';
import type { Json } from '../supabase.ts';
import type { FormProps } from './Form.tsx';

const Form = lazy(() => import('./Form.tsx'));

export function SchemaForm(props: FormProps) {
  return (
    <Suspense fallback={<LoadingState rows={3} height={56} />}>
      <Form {...props} />
    </Suspense>
  );
}

/** Whether the schema is of an object with at least one property. */
export function isFormable(schema: Json | undefined): boolean {
  if (typeof schema !== 'object' || schema === null || Array.isArray(schema)) return false;
  const { properties } = schema;
  return (
    typeof properties === 'object' && properties !== null && Object.keys(properties).length > 0
  );
}
