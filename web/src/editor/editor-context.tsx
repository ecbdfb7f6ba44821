// What all parts of the editor share: the draft, the step types, the faults, the selection, and the data of a run.
import { createContext, type ReactNode, useContext, useEffect, useMemo, useState } from 'react';
import type { Json } from '../../../types/database.ts';
import type { Row, Workflow } from '../shared/supabase.ts';
import type { RunSnapshot } from '../shared/use-run.ts';
import { type StepValues, useStepValues } from '../shared/use-step-values.ts';
import type { Fault } from './draft/api.ts';
import type { DraftOfWorkflow } from './draft/use-draft.ts';
import { evaluateInWorker } from './evaluate/evaluate.ts';
import type { Scope } from './evaluate/messages.ts';
import { merged, type Shape, shapeOfSchema, shapeOfValue } from './evaluate/shapes.ts';
import { isObject, type Step, upstreamOf } from './model/definition.ts';
import { pinsOf } from './model/pins.ts';

export type StepType = Row<'step_types'>;

export interface Selection {
  steps: ReadonlySet<string>;
  edges: ReadonlySet<string>;
}

export const NOTHING: Selection = { steps: new Set(), edges: new Set() };

export interface Editor {
  workflow: Workflow;
  doc: DraftOfWorkflow;
  types: ReadonlyMap<string, StepType>;
  mayWrite: boolean;
  faultsOf: ReadonlyMap<string, readonly Fault[]>;
  selection: Selection;
  select(selection: Selection): void;
  /** Opens the panel of a step. */
  open(id: string): void;
  /** The run whose data expressions show. */
  run: RunSnapshot | undefined;
  /** The newest status of each step of that run. */
  statuses: ReadonlyMap<string, string>;
  outputs: ReadonlyMap<string, Json>;
  /** undefined: there is no run whose data could be read. */
  scopeOf(step: Step): Scope | undefined;
  shapeOf(step: Step): Shape;
}

const EditorContext = createContext<Editor | undefined>(undefined);

export function useEditor(): Editor {
  const editor = useContext(EditorContext);
  if (editor === undefined) throw new Error('useEditor is for parts of the editor');
  return editor;
}

interface ProviderProps {
  workflow: Workflow;
  doc: DraftOfWorkflow;
  types: readonly StepType[];
  mayWrite: boolean;
  run: RunSnapshot | undefined;
  selection: Selection;
  select(selection: Selection): void;
  children: ReactNode;
}

/** The schemas of the outputs that the step types and the configs determine. */
function useOutputSchemas(definition: Json): Readonly<Record<string, unknown>> {
  const [schemas, setSchemas] = useState<Readonly<Record<string, unknown>>>({});
  useEffect(() => {
    const timer = setTimeout(() => {
      void evaluateInWorker({ kind: 'outputs', definition }).then((reply) => {
        if (reply.ok && isObject(reply.value)) setSchemas(reply.value);
      });
    }, 500);
    return () => clearTimeout(timer);
  }, [definition]);
  return schemas;
}

export function EditorProvider({ children, types: rows, ...given }: ProviderProps) {
  const { doc, run, workflow, select } = given;
  const { definition, inputSchema } = doc.draft;
  const schemas = useOutputSchemas(definition as Json);

  const types = useMemo(() => new Map(rows.map((type) => [type.name, type])), [rows]);
  const faultsOf = useMemo(() => {
    const found = new Map<string, Fault[]>();
    for (const fault of doc.faults) {
      if (fault.node === null) continue;
      found.set(fault.node, [...(found.get(fault.node) ?? []), fault]);
    }
    return found;
  }, [doc.faults]);

  const steps = useStepValues(run);
  const { statuses, outputs } = useMemo(() => {
    const newest = new Map<string, StepValues>();
    for (const step of steps) {
      const known = newest.get(step.step_id);
      if (known === undefined || step.attempt >= known.attempt) newest.set(step.step_id, step);
    }
    const values = [...newest].flatMap(([id, { status, output }]) =>
      status === 'completed' ? [[id, output] as const] : [],
    );
    const all = new Map<string, Json>(values);
    for (const [id, pin] of pinsOf(definition)) all.set(id, pin.output);
    return {
      statuses: new Map([...newest].map(([id, { status }]) => [id, status])),
      outputs: all,
    };
  }, [steps, definition]);

  const itemsOf = (step: Step): Json | undefined => {
    const config = isObject(step.data?.config) ? step.data.config : {};
    return step.type === 'for_each' ? config.items : undefined;
  };
  const value: Editor = {
    ...given,
    types,
    faultsOf,
    statuses,
    outputs,
    open: (id) => select({ steps: new Set([id]), edges: new Set() }),
    scopeOf: (step) => {
      const before = upstreamOf(definition, step.id);
      const known = before.filter((id) => outputs.has(id));
      if (run === undefined && known.length === 0) return undefined;
      const context = Object.fromEntries(known.map((id) => [id, outputs.get(id) ?? null]));
      return {
        input: run?.run.input ?? {},
        steps: Object.fromEntries(Object.entries(context).map(([id, output]) => [id, { output }])),
        context,
        run: {
          id: run?.run.id ?? null,
          app_code: workflow.app_code,
          workflow: workflow.kebab_name,
          version: doc.version?.version ?? 1,
          trace_id: run?.run.trace_id ?? null,
        },
      };
    },
    shapeOf: (step) => {
      const members = (entries: readonly (readonly [string, Shape])[], detail = ''): Shape => ({
        detail,
        members: new Map(entries),
      });
      const steps = upstreamOf(definition, step.id).map((id) => {
        const output = merged(shapeOfValue(outputs.get(id)), shapeOfSchema(schemas[id]));
        return [id, members([['output', output]], 'step')] as const;
      });
      const leaf = (detail: string) => members([], detail);
      return members([
        ['input', merged(shapeOfValue(run?.run.input), shapeOfSchema(inputSchema))],
        ['steps', members(steps, 'outputs')],
        [
          'context',
          members(
            steps.map(([id, shape]) => [id, shape.members.get('output') ?? shape]),
            'outputs',
          ),
        ],
        [
          'run',
          members(
            ['id', 'app_code', 'workflow', 'version', 'trace_id'].map((name) => [name, leaf('')]),
            'run',
          ),
        ],
        ...(itemsOf(step) === undefined
          ? []
          : ([
              ['item', leaf('item')],
              ['index', leaf('number')],
            ] as const)),
        ...(types.get(step.type)?.may_use_secrets ? ([['secrets', leaf('by name')]] as const) : []),
      ]);
    },
  };

  return <EditorContext.Provider value={value}>{children}</EditorContext.Provider>;
}
