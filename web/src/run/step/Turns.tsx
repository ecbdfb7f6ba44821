// The turns of an agent: what the model wrote, the tools that it called with their inputs and outputs, tokens and costs.
import { Group, Text } from '@mantine/core';
import { count } from '../../shared/format.ts';
import { JsonView } from '../../shared/JsonView.tsx';
import { ask, useAppQuery } from '../../shared/query.ts';
import { StatusBadge } from '../../shared/StatusBadge.tsx';
import { EmptyState, ErrorState, LoadingState } from '../../shared/states.tsx';
import { type Row, supabase } from '../../shared/supabase.ts';
import { ErrorPart, Part } from './Attempt.tsx';
import { dollars, type Usage } from './costs.ts';
import classes from './step.module.css';

interface Props {
  runId: string;
  stepId: string;
  itemIndex: number;
  seq: number;
}

function ToolCall({ call }: { call: Row<'agent_tool_calls'> }) {
  const { tool, status, input, output, error, target } = call;
  return (
    <div className={classes.tool} data-tool={tool}>
      <Group gap="sm" className={classes.facts}>
        <b className="mono">{tool}</b>
        <StatusBadge name={status} />
        {target && <span>{target}</span>}
      </Group>
      <Part title="Input" isOpen={false}>
        <JsonView label={`Input of ${tool}`} value={input} />
      </Part>
      {output !== null && (
        <Part title="Output" isOpen={false}>
          <JsonView label={`Output of ${tool}`} value={output} />
        </Part>
      )}
      <ErrorPart error={error} />
    </div>
  );
}

export function Turns({ runId, stepId, itemIndex, seq }: Props) {
  const { data, error, refetch } = useAppQuery(
    ['agent-turns', runId, stepId, itemIndex, seq],
    async (signal) => {
      const [turns, calls] = await Promise.all([
        ask(
          supabase
            .from('agent_turns')
            .select('*')
            .eq('run_id', runId)
            .eq('step_id', stepId)
            .eq('item_index', itemIndex)
            .order('turn')
            .abortSignal(signal),
        ),
        ask(
          supabase
            .from('agent_tool_calls')
            .select('*')
            .eq('run_id', runId)
            .eq('step_id', stepId)
            .eq('item_index', itemIndex)
            .order('turn')
            .order('position')
            .abortSignal(signal),
        ),
      ]);
      return { turns, calls };
    },
    { placeholderData: (known) => known },
  );
  if (error) return <ErrorState error={error} retry={() => void refetch()} />;
  if (data === undefined) return <LoadingState rows={3} />;
  if (data.turns.length === 0) return <EmptyState title="The model has not answered yet" />;
  const costs = data.turns.map(({ cost }) => cost);
  const isKnown = costs.every((cost) => cost !== null);
  const total = costs.reduce<number>((sum, cost) => sum + (cost ?? 0), 0);
  return (
    <>
      <Text size="sm" c="dimmed" mb="xs">
        {data.turns.length} {data.turns.length === 1 ? 'turn' : 'turns'},{' '}
        {isKnown ? dollars(total) : `${dollars(total)} or more`}
      </Text>
      {data.turns.map((turn) => {
        const usage = turn.usage as Usage | null;
        return (
          <article key={turn.turn} className={classes.attempt} data-turn={turn.turn}>
            <Group gap="md" className={classes.facts}>
              <b>Turn {turn.turn}</b>
              <span>
                {turn.provider} {turn.model}
              </span>
              {usage && (
                <span>
                  {count(usage.input_tokens ?? 0)} tokens in, {count(usage.output_tokens ?? 0)} out
                </span>
              )}
              <span>{dollars(turn.cost)}</span>
              {turn.finish_reason && <span>{turn.finish_reason}</span>}
            </Group>
            {turn.text && <p className={classes.said}>{turn.text}</p>}
            {data.calls
              .filter((call) => call.turn === turn.turn)
              .map((call) => (
                <ToolCall key={call.position} call={call} />
              ))}
          </article>
        );
      })}
    </>
  );
}
