// The form behind SchemaForm: react-jsonschema-form with the Mantine theme; loaded on demand.
import { Form as MantineForm } from '@rjsf/mantine';
import { ErrorSchemaBuilder, type RJSFSchema, type UiSchema } from '@rjsf/utils';
import { type ReactNode, useMemo } from 'react';
import type { Json } from '../supabase.ts';
import classes from './Form.module.css';
import { validator } from './validator.ts';

export interface FormProps {
  schema: Json;
  value: Json;
  onChange(value: Json): void;
  onSubmit?(value: Json): void;
  /** Widgets and order of fields, see the docs of react-jsonschema-form. */
  uiSchema?: UiSchema;
  isDisabled?: boolean;
  /** The buttons; the first one of type submit sends the form. */
  children?: ReactNode;
  /** Ids of the fields begin with it; two forms on a page need different ones. */
  idPrefix?: string;
  /** What the server refused, by JSON pointer, as `describe(error).fields`: shown at the fields. */
  errors?: readonly { path: string; message: string }[];
}

/** `/items/0/name` as the names of members. */
const partsOf = (pointer: string): string[] =>
  pointer
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));

export default function Form(props: FormProps) {
  const { schema, value, onChange, onSubmit, uiSchema, isDisabled = false, errors } = props;
  const extraErrors = useMemo(() => {
    const builder = new ErrorSchemaBuilder();
    for (const { path, message } of errors ?? []) builder.addErrors(message, partsOf(path));
    return builder.ErrorSchema;
  }, [errors]);
  return (
    <div className={classes.form}>
      <MantineForm
        schema={schema as RJSFSchema}
        formData={value}
        validator={validator}
        {...(uiSchema ? { uiSchema } : {})}
        disabled={isDisabled}
        idPrefix={props.idPrefix ?? 'form'}
        showErrorList={false}
        noHtml5Validate
        focusOnFirstError
        extraErrors={extraErrors}
        // The server checks the changed value; its old refusal must not keep the form from being sent.
        extraErrorsBlockSubmit={false}
        // The errors are at the fields; without this, the library writes them to the console.
        onError={() => undefined}
        onChange={({ formData }) => onChange(formData as Json)}
        onSubmit={({ formData }) => onSubmit?.(formData as Json)}
      >
        {props.children ?? <span />}
      </MantineForm>
    </div>
  );
}
