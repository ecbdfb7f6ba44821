// The dialog that starts a run: a published workflow and its input as JSON.
import { type FormEvent, useEffect, useRef, useState } from 'react';
import { parseJsonToPassOn } from '../../../functions/_shared/text/json-numbers.ts';
import { explain, type Json, supabase } from '../client.ts';
import { readAll } from '../live/pages.ts';

interface Choice {
  kebab_name: string;
  name: string;
  published_version_id: string | null;
}

interface Props {
  appCode: string;
  onClose(): void;
}

/** A template of the input: one empty value per declared property. */
function draftFor(schema: Json | null): string {
  if (schema === null || typeof schema !== 'object' || Array.isArray(schema)) return '{}';
  const properties = schema.properties;
  if (typeof properties !== 'object' || properties === null || Array.isArray(properties))
    return '{}';
  const draft = Object.fromEntries(
    Object.entries(properties).map(([name, property]) => {
      const type =
        typeof property === 'object' && property !== null && !Array.isArray(property)
          ? property.type
          : undefined;
      return [name, type === 'number' || type === 'integer' ? 0 : type === 'boolean' ? false : ''];
    }),
  );
  return JSON.stringify(draft, null, 2);
}

export function StartRun({ appCode, onClose }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [choices, setChoices] = useState<Choice[]>();
  const [chosen, setChosen] = useState('');
  const [input, setInput] = useState('{}');
  /** The template of the input must not replace what the person has written. */
  const isEdited = useRef(false);
  const [problem, setProblem] = useState<string>();
  const [busy, setBusy] = useState(false);

  useEffect(() => {
    dialog.current?.showModal();
    readAll<Choice>(
      (from, to) =>
        supabase
          .from('workflows')
          .select('kebab_name,name,published_version_id')
          .eq('app_code', appCode)
          .eq('status', 'published')
          .is('deleted_at', null)
          .order('name')
          .order('kebab_name')
          .range(from, to),
      (workflow) => workflow.kebab_name,
    ).then(
      (found) => {
        setChoices(found);
        setChosen(found[0]?.kebab_name ?? '');
      },
      (error) => setProblem(explain(error)),
    );
  }, [appCode]);

  const version = choices?.find(({ kebab_name }) => kebab_name === chosen)?.published_version_id;
  useEffect(() => {
    if (!version) return;
    let isCurrent = true;
    void supabase
      .from('workflow_versions')
      .select('input_schema')
      .eq('id', version)
      .single()
      .then(({ data, error }) => {
        if (!isCurrent) return;
        if (error) setProblem(explain(error));
        else if (!isEdited.current) setInput(draftFor(data.input_schema));
      });
    return () => {
      isCurrent = false;
    };
  }, [version]);

  function choose(name: string): void {
    isEdited.current = false;
    setInput('{}');
    setChosen(name);
  }

  async function submit(event: FormEvent): Promise<void> {
    event.preventDefault();
    let parsed: Json;
    try {
      parsed = parseJsonToPassOn(input) as Json;
    } catch (error) {
      setProblem(`The input is not JSON: ${(error as Error).message}`);
      return;
    }
    setBusy(true);
    const { data, error } = await supabase.rpc('start_run', { workflow: chosen, input: parsed });
    setBusy(false);
    if (error) setProblem(explain(error));
    else {
      onClose();
      location.hash = `#/runs/${data.id}`;
    }
  }

  return (
    <dialog ref={dialog} onClose={onClose} aria-labelledby="start-title">
      <form onSubmit={(event) => void submit(event)}>
        <h2 id="start-title">Start a run</h2>
        <label>
          Workflow
          <select value={chosen} onChange={(event) => choose(event.target.value)} required>
            {(choices ?? []).map((choice) => (
              <option key={choice.kebab_name} value={choice.kebab_name}>
                {choice.name}
              </option>
            ))}
          </select>
        </label>
        <label>
          Input (JSON)
          <textarea
            className="mono"
            rows={9}
            spellCheck={false}
            value={input}
            onChange={(event) => {
              isEdited.current = true;
              setInput(event.target.value);
            }}
          />
        </label>
        {problem && (
          <p className="problem" role="alert">
            {problem}
          </p>
        )}
        <div className="actions">
          <button type="button" onClick={() => dialog.current?.close()}>
            Close
          </button>
          <button className="primary" type="submit" disabled={busy || chosen === ''}>
            {busy ? 'Starting…' : 'Start'}
          </button>
        </div>
      </form>
    </dialog>
  );
}
