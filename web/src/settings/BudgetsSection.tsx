// Model budgets per day and month with what is spent, and the prices that the operator keeps.
import { Button, Group, NativeSelect, NumberInput, Progress, Stack, Text } from '@mantine/core';
import { useState } from 'react';
import { AppLink } from '../shared/address.tsx';
import { useMay } from '../shared/app.tsx';
import { confirm } from '../shared/confirm.tsx';
import type { Column } from '../shared/DataTable.tsx';
import { count } from '../shared/format.ts';
import { ask, useAction, useAppQuery } from '../shared/query.ts';
import { EmptyState, ErrorState, LoadingState } from '../shared/states.tsx';
import { type Row, supabase } from '../shared/supabase.ts';
import { RelativeTime } from '../shared/Times.tsx';
import { Block, FormModal, Panel, Rows } from './parts.tsx';

interface Usage {
  calls: number;
  tokens: number;
  cost: number;
  unpriced_calls: number;
  max_cost: number | null;
}
type Period = 'day' | 'month';
type Budget = Row<'ai_budgets'>;
const CHANGES = [['ai_budgets'], ['audit_log']] as const;
const dollars = (value: number) => `$${value.toFixed(value > 0 && value < 1 ? 4 : 2)}`;

function BudgetForm(props: { period: Period; budget: Budget | undefined; onClose(): void }) {
  const { period, budget, onClose } = props;
  const [cost, setCost] = useState<number | string>(budget?.max_cost ?? 10);
  const [alert, setAlert] = useState<number | string>(budget?.alert_percent ?? 80);
  const [unpriced, setUnpriced] = useState(budget?.unpriced ?? 'allow');
  const save = useAction(
    () =>
      ask(
        supabase.rpc('set_ai_budget', {
          period,
          max_cost: Number(cost),
          unpriced,
          ...(alert === '' ? {} : { alert_percent: Number(alert) }),
        }),
      ),
    { success: 'The budget is saved.', changes: CHANGES, onSuccess: onClose, isQuiet: true },
  );
  return (
    <FormModal
      title={`Budget of a ${period}`}
      action="Save budget"
      onClose={onClose}
      onSubmit={() => save.run()}
      isRunning={save.isRunning}
      error={save.error}
      isReady={cost !== ''}
    >
      <NumberInput
        label="At most"
        prefix="$"
        min={0}
        required
        value={cost}
        description="When it is spent, further model calls fail with budget_exceeded."
        onChange={setCost}
      />
      <NumberInput
        label="Alert at"
        suffix=" %"
        min={1}
        max={100}
        allowDecimal={false}
        value={alert}
        description="The event budget.threshold_reached is emitted then. Empty: never."
        onChange={setAlert}
      />
      <NativeSelect
        label="Models without a price"
        value={unpriced}
        data={[
          { value: 'allow', label: 'Allow: their cost is not counted' },
          { value: 'refuse', label: 'Refuse' },
        ]}
        onChange={(event) => setUnpriced(event.currentTarget.value)}
      />
    </FormModal>
  );
}

function BudgetPanel({ period, budget }: { period: Period; budget: Budget | undefined }) {
  const mayManage = useMay('member:manage');
  const [isEditing, setEditing] = useState(false);
  const { data, error, refetch } = useAppQuery(
    ['ai_budgets', 'usage', period],
    async (signal) =>
      (await ask(
        supabase.rpc('read_ai_usage', { period }).abortSignal(signal),
      )) as unknown as Usage,
  );
  const remove = useAction(() => ask(supabase.rpc('delete_ai_budget', { period })), {
    success: 'The budget is deleted.',
    changes: CHANGES,
  });
  async function askToDelete(): Promise<void> {
    const answer = await confirm({
      title: `Delete the budget of a ${period}?`,
      text: 'The limits of the operator stay.',
      action: 'Delete',
      isDangerous: true,
    });
    if (answer) remove.run();
  }
  if (error) return <ErrorState error={error} retry={() => void refetch()} />;
  if (!data) return <LoadingState rows={2} />;
  const { cost, max_cost, calls, tokens, unpriced_calls } = data;
  return (
    <Panel>
      <Stack gap="xs">
        <Group justify="space-between">
          <Text fw={500}>{period === 'day' ? 'Today' : 'This month'}</Text>
          <Text size="sm">
            {dollars(cost)}
            {max_cost === null ? ', no limit' : ` of ${dollars(max_cost)}`}
          </Text>
        </Group>
        {max_cost !== null && (
          <Progress
            value={max_cost === 0 ? 100 : Math.min(100, (100 * cost) / max_cost)}
            aria-label={`Spent of the budget of the ${period}`}
          />
        )}
        <Text size="sm" c="dimmed">
          {count(calls)} calls, {count(tokens)} tokens
          {unpriced_calls > 0 && `, ${count(unpriced_calls)} calls without a price`}
        </Text>
        {mayManage && (
          <Group gap="xs">
            <Button size="xs" variant="default" onClick={() => setEditing(true)}>
              {budget ? 'Change the budget' : 'Set a budget'}
            </Button>
            {budget && (
              <Button size="xs" variant="subtle" color="red.8" onClick={() => void askToDelete()}>
                Delete
              </Button>
            )}
          </Group>
        )}
      </Stack>
      {isEditing && (
        <BudgetForm period={period} budget={budget} onClose={() => setEditing(false)} />
      )}
    </Panel>
  );
}

const PRICES: Column<Row<'model_prices'>>[] = [
  { id: 'model', header: 'Model', cell: ({ model }) => model },
  { id: 'provider', header: 'Provider', hideBelow: 'md', cell: ({ provider }) => provider },
  { id: 'input', header: 'Input', align: 'end', cell: ({ input }) => `$${input}` },
  {
    id: 'cached',
    header: 'Cached input',
    align: 'end',
    hideBelow: 'md',
    cell: ({ cached_input, input }) => `$${cached_input ?? input}`,
  },
  { id: 'output', header: 'Output', align: 'end', cell: ({ output }) => `$${output}` },
  {
    id: 'from',
    header: 'Valid from',
    hideBelow: 'md',
    cell: ({ valid_from }) => <RelativeTime at={valid_from} />,
  },
];

export default function BudgetsSection() {
  const budgets = useAppQuery(['ai_budgets'], (signal) =>
    ask(supabase.from('ai_budgets').select('*').abortSignal(signal)),
  );
  const prices = useAppQuery(['model_prices'], (signal) =>
    ask(
      supabase
        .from('model_prices')
        .select('*')
        .order('model')
        .order('valid_from', { ascending: false })
        .abortSignal(signal),
    ),
  );
  return (
    <>
      <Block
        title="Budgets"
        text={
          <>
            Days and months of UTC, in US dollars.{' '}
            <AppLink to="/insight/models" size="sm">
              Costs by model and workflow
            </AppLink>
          </>
        }
      >
        {(['day', 'month'] as const).map((period) => (
          <BudgetPanel
            key={period}
            period={period}
            budget={budgets.data?.find((each) => each.period === period)}
          />
        ))}
      </Block>
      <Block
        title="Model prices"
        text="US dollars for a million tokens. The operator of the installation sets them."
      >
        <Rows
          query={prices}
          label="Model prices"
          columns={PRICES}
          rowId={({ model, provider, valid_from }) => `${provider} ${model} ${valid_from}`}
          empty={
            <EmptyState title="No prices">
              The cost of model calls is counted when the operator adds prices.
            </EmptyState>
          }
        />
      </Block>
    </>
  );
}
