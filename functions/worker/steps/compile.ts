// Compiles the config of a node once per workflow version; an attempt resolves and runs it.

import {
  compileTemplate,
  ExpressionError,
  type MaskedText,
  type Resolved,
  type Revealed,
  resolveSecrets,
  type Scope,
  type SecretLookup,
} from '../../_shared/expressions/index.ts';
import { StepError, throwIfAborted, toStepError } from './errors.ts';
import { toScope } from './scope.ts';
import type { StepContext, StepHandler, StepResult, TextStream } from './types.ts';

export interface CompiledStep {
  readonly type: string;
  /** The ids of the steps whose outputs the config reads. */
  readonly reads: readonly string[] | 'all';
  readonly usesContext: boolean;
  readonly secrets: readonly string[];
  /** Without side effects, so that it may be executed eagerly (StepType.isPure). */
  readonly isPure: boolean;
  /** Takes only milliseconds (StepType.isBrief). */
  readonly isBrief: boolean;
  /** Its value chooses the edges; their handles are free (StepType.handles is any). */
  readonly choosesEdges: boolean;
  /** Resolves the templates; `stored` of the result is the value for step_runs.input. */
  resolve(ctx: StepContext): Promise<Resolved>;
  /** Looks up the secrets, checks the config and runs the handler; secrets are masked in result and error. */
  run(resolved: Resolved, secrets: SecretLookup, ctx: StepContext): Promise<StepResult>;
}

/** Throws the StepError 'invalid_definition' when an expression of the config cannot be compiled. */
export function compileStep(handler: StepHandler, config: unknown): CompiledStep {
  const {
    name: type,
    rawKeys,
    urlKeys,
    mayUseSecrets,
    isPure,
    isBrief,
    handles,
  } = handler.stepType;
  const template = asStepError(() => compileTemplate(config, { rawKeys, urlKeys }));
  // Publishing refuses this too; the check here is for older versions, and for uses that SQL cannot find.
  if (template.secrets.length > 0 && !mayUseSecrets) {
    throw new StepError(
      'invalid_definition',
      `${type} cannot use secrets, because its result is stored`,
      { details: { code: 'secret_not_allowed', secrets: template.secrets } },
    );
  }
  return {
    type,
    reads: template.reads,
    usesContext: template.usesContext,
    secrets: template.secrets,
    isPure,
    isBrief,
    choosesEdges: handles === 'any',
    async resolve(ctx) {
      try {
        return await template.resolve(toScope(ctx) satisfies Scope);
      } catch (error) {
        throw fromExpression(error);
      }
    },
    async run(resolved, secrets, ctx) {
      throwIfAborted(ctx.signal);
      let revealed: Revealed | undefined;
      try {
        revealed = await resolveSecrets(resolved, secrets);
        const config = checkConfig(handler, revealed.config);
        const { mask, maskedText, receivers } = revealed;
        const env = { ...ctx.env, receivers };
        const log: StepContext['log'] = (level, message, data) =>
          ctx.log(level, mask(message), data === undefined ? undefined : mask(data));
        const { texts } = ctx;
        // A model may repeat a secret of its prompt.
        const agentTurns: StepContext['agentTurns'] = {
          load: ctx.agentTurns.load,
          store: (turn) => ctx.agentTurns.store(mask(turn)),
        };
        const result = await handler.run(config, {
          ...{ ...ctx, env, log, agentTurns, stored: resolved.stored },
          ...(texts && { texts: { open: () => withoutSecrets(texts.open(), maskedText()) } }),
        });
        return result.kind === 'completed' ? mask(result) : result;
      } catch (error) {
        throw maskError(fromExpression(error), revealed);
      }
    },
  };
}

function withoutSecrets(stream: TextStream, masked: MaskedText): TextStream {
  return {
    add: (text) => stream.add(masked.add(text)),
    end: () => {
      stream.add(masked.end());
      stream.end();
    },
  };
}

function checkConfig({ stepType, schema }: StepHandler, config: unknown): Record<string, unknown> {
  const parsed = (schema ?? stepType.config).safeParse(config);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map((issue) => ({
    path: issue.path.map(String).join('.'),
    message: issue.message,
  }));
  const [first] = problems;
  throw new StepError(
    'invalid_config',
    `the config of this ${stepType.name} step is not valid: ${first?.path || 'config'}: ${first?.message}`,
    { details: problems },
  );
}

function asStepError<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    throw new StepError('invalid_definition', error.message, {
      details: { code: error.code, ...error.details },
    });
  }
}

function fromExpression(error: unknown): StepError {
  if (!(error instanceof ExpressionError)) return toStepError(error);
  return new StepError(error.code, error.message, {
    retryable: error.retryable,
    details: error.details,
  });
}

function maskError(error: StepError, revealed: Revealed | undefined): StepError {
  if (revealed === undefined) return error;
  return new StepError(error.code, revealed.mask(error.message), {
    retryable: error.retryable,
    ...(error.retryAfterMs === undefined ? {} : { retryAfterMs: error.retryAfterMs }),
    ...(error.details === undefined ? {} : { details: revealed.mask(error.details) }),
  });
}
