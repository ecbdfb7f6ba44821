// defineComponent: a component in TypeScript, as the JSON of a row of `components`.

import { DefinitionError } from './errors.ts';
import type { JsonObject } from './json.ts';
import { type Expressible, jsonSchemaOf, type Schema } from './schemas.ts';

/** The columns of a component that are written as they are. */
interface Columns {
  /** Steps use the newest one that is not deprecated; default: `1.0.0`. */
  readonly version?: string | undefined;
  readonly display_name?: string | undefined;
  readonly description?: string | undefined;
  readonly component_type?: string | undefined;
  /** Who else may read and use it; default: `private`. */
  readonly visibility?: 'private' | 'organization' | 'public' | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly capabilities?: readonly string[] | undefined;
  readonly implementation_path?: string | undefined;
  readonly npm_package?: string | undefined;
  /** Of one call. */
  readonly timeout_ms?: number | undefined;
  /** How long a step waits for the callback, if the endpoint answers 202. */
  readonly callback_timeout_ms?: number | undefined;
  readonly heartbeat_timeout_ms?: number | undefined;
  /** Whether the endpoint gets a message if a step is cancelled for which it answered 202. */
  readonly notify_cancel?: boolean | undefined;
  /** Retries of a step that has no retry policy. */
  readonly retry_count?: number | undefined;
  readonly ui_widget_id?: string | undefined;
  readonly ui_definitions?: JsonObject | undefined;
  /** False: steps that use it fail. */
  readonly is_active?: boolean | undefined;
  readonly deprecated?: boolean | undefined;
}

interface Implementation {
  readonly implementation_type: 'service_task' | 'ai_agent_task' | 'user_task';
  /** The URL that is called. */
  readonly endpoint?: string | undefined;
  readonly model_provider?: string | undefined;
  readonly model_name?: string | undefined;
  /** The prompt of the application: its name, or `name@version`. */
  readonly prompt?: string | undefined;
}

/** What implements the component: a service has an endpoint, an agent has one or a model with a prompt. */
type Implemented = Implementation &
  (
    | { readonly implementation_type: 'service_task'; readonly endpoint: string }
    | { readonly implementation_type: 'ai_agent_task' | 'user_task' }
  );

/** A component. `stepbase push` stores it. */
export interface Component<Name extends string = string> extends Columns, Implementation {
  /** The name by which steps refer to it. */
  readonly name: Name;
  readonly version: string;
  /** JSON Schema of the settings that a step gives. */
  readonly config_schema?: JsonObject;
  /** JSON Schema of the input. */
  readonly input_schema?: JsonObject;
  /** JSON Schema of the output. */
  readonly output_schema?: JsonObject;
}

/** The options of a component: its schemas, its call and its limits. */
export type ComponentOptions<
  Input extends Schema,
  Output extends Schema,
  Config extends Schema,
> = Columns &
  Implemented & {
    /** A schema of zod, or jsonSchema({ … }). */
    readonly input?: (Input & Expressible<Input>) | undefined;
    readonly output?: (Output & Expressible<Output>) | undefined;
    /** Of settings that a step gives. */
    readonly config?: (Config & Expressible<Config>) | undefined;
  };

const NAME = /^[a-z0-9]+(?:[-_.][a-z0-9]+)*$/;

/** A component with the name by which steps refer to it. */
export function defineComponent<
  const Name extends string,
  Input extends Schema<unknown> = Schema<unknown>,
  Output extends Schema<unknown> = Schema<unknown>,
  Config extends Schema<unknown> = Schema<unknown>,
>(name: Name, options: ComponentOptions<Input, Output, Config>): Component<Name> {
  if (!NAME.test(name)) {
    throw new DefinitionError(
      'invalid_request',
      `the name ${name} of a component must be in kebab-case, such as crm-lookup`,
    );
  }
  const { input, output, config, ...columns } = options;
  const schemas = Object.entries({ input, output, config }).flatMap(([key, schema]) => {
    const json = schema === undefined ? undefined : jsonSchemaOf(schema);
    return json === undefined ? [] : [[`${key}_schema`, json]];
  });
  return { name, version: '1.0.0', ...columns, ...Object.fromEntries(schemas) } as Component<Name>;
}
