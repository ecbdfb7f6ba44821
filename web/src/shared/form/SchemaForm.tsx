// A form for any JSON Schema: `<SchemaForm schema={version.input_schema} value={value} onChange={setValue}
// onSubmit={start}><Button type="submit">Start</Button></SchemaForm>`. It is loaded when it is shown. `isFormable(schema)`
// says whether the schema describes fields; for others, use JsonEditor.
import { lazy, Suspense } from 'react';
import { LoadingState } from '../states.tsx';
import type { FormProps } from './Form.tsx';

export { isFormable } from './formable.ts';

const Form = lazy(() => import('./Form.tsx'));

export function SchemaForm(props: FormProps) {
  return (
    <Suspense fallback={<LoadingState rows={3} height={56} />}>
      <Form {...props} />
    </Suspense>
  );
}
