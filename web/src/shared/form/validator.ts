// The validator of forms: @cfworker/json-schema behind the interface of react-jsonschema-form. Its usual validator
// compiles schemas to code, which the Content-Security-Policy of the page does not allow.
import { Validator as JsonSchema, type Schema } from '@cfworker/json-schema';
import {
  type CustomValidator,
  createErrorHandler,
  type ErrorTransformer,
  getDefaultFormState,
  type RJSFSchema,
  type RJSFValidationError,
  toErrorList,
  toErrorSchema,
  type UiSchema,
  unwrapErrorHandler,
  type ValidationData,
  type ValidatorType,
  validationDataMerge,
} from '@rjsf/utils';

/** Errors of a keyword that only repeats the errors of the schemas inside it. */
const REPEATS = new Set(['properties', 'items', 'prefixItems', 'allOf', '$ref', 'additionalItems']);

const DRAFT = '2020-12';

/** `#/a/0/b` as `.a.0.b`, which is how the form names its fields. */
function propertyOf(location: string): string {
  const parts = location.split('/').slice(1);
  return parts
    .map((part) => `.${decodeURIComponent(part).replaceAll('~1', '/').replaceAll('~0', '~')}`)
    .join('');
}

function checked(schema: object, data: unknown): RJSFValidationError[] {
  const { errors } = new JsonSchema(schema as Schema, DRAFT, false).validate(data);
  return errors
    .filter(({ keyword }) => !REPEATS.has(keyword))
    .map(({ keyword, instanceLocation, error, keywordLocation }) => {
      const missing = keyword === 'required' ? /"(.*)"/.exec(error)?.[1] : undefined;
      const place = propertyOf(instanceLocation);
      const property = missing === undefined ? place : `${place}.${missing}`;
      const message = missing === undefined ? error : 'is required';
      return {
        name: keyword,
        property,
        message,
        schemaPath: keywordLocation,
        stack: `${property.slice(1)} ${message}`.trim(),
      };
    });
}

export const validator: ValidatorType = {
  validateFormData(
    formData: unknown,
    schema: RJSFSchema,
    customValidate?: CustomValidator,
    transformErrors?: ErrorTransformer,
    uiSchema?: UiSchema,
  ): ValidationData<unknown> {
    let errors: RJSFValidationError[];
    try {
      errors = checked(schema, formData);
    } catch (error) {
      errors = [{ stack: `The schema is not valid: ${(error as Error).message}` }];
    }
    if (transformErrors) errors = transformErrors(errors, uiSchema);
    const found = { errors, errorSchema: toErrorSchema(errors) };
    if (!customValidate) return found;
    const defaults = getDefaultFormState(validator, schema, formData, schema, true);
    const handler = customValidate(defaults, createErrorHandler(defaults), uiSchema);
    const own = unwrapErrorHandler(handler);
    return validationDataMerge(
      { errors: [...errors, ...toErrorList(own)], errorSchema: found.errorSchema },
      own,
    );
  },
  isValid(schema, formData, rootSchema) {
    try {
      // References of a part lead to the root.
      const whole = {
        ...schema,
        $defs: { ...rootSchema.$defs, ...schema.$defs },
        definitions: rootSchema.definitions,
      };
      return new JsonSchema(whole as Schema, DRAFT).validate(formData).valid;
    } catch {
      return false;
    }
  },
  rawValidation<Result>(schema: RJSFSchema, formData?: unknown) {
    try {
      return { errors: checked(schema, formData) as Result[] };
    } catch (error) {
      return { validationError: error as Error };
    }
  },
};

/** The name under which react-jsonschema-form imports a validator. */
export default validator;
