'use client';
// The approvals that the signed-in user may decide. The page reads them again while it is visible. A user_task would need the
// form of its `task.form`, and `tasks.complete`.
import Link from 'next/link';
import { useCallback, useEffect, useState } from 'react';
import type { Task } from 'stepbase';
import { browserClients } from '../../lib/stepbase.ts';

const REFRESH_MS = 5_000;

const textOf = (task: Task, key: string): string => {
  const details = (task.task ?? {}) as Record<string, unknown>;
  return typeof details[key] === 'string' ? details[key] : '';
};

export default function Inbox() {
  const [tasks, setTasks] = useState<readonly Task[]>();
  const [problem, setProblem] = useState('');

  const read = useCallback(async () => {
    try {
      const { stepbase } = browserClients();
      const mine = await stepbase.tasks.list({ mine: true }).toArray({ max: 50 });
      setTasks(mine.filter((task) => task.step_type === 'wait_for_approval'));
      setProblem('');
    } catch (error) {
      setProblem(error instanceof Error ? error.message : String(error));
    }
  }, []);

  useEffect(() => {
    void read();
    const timer = setInterval(() => {
      if (!document.hidden) void read();
    }, REFRESH_MS);
    return () => clearInterval(timer);
  }, [read]);

  async function decide(task: Task, approved: boolean) {
    try {
      await browserClients().stepbase.tasks.decide(task.id, { approved });
    } catch (error) {
      // Someone else may have decided it meanwhile.
      setProblem(error instanceof Error ? error.message : String(error));
    }
    await read();
  }

  return (
    <main>
      <h1>Inbox</h1>
      {problem && <p role="alert">{problem}</p>}
      {tasks?.length === 0 && <p>No open tasks</p>}
      <ul aria-label="Tasks">
        {tasks?.map((task) => (
          <li key={task.id}>
            <Link href={`/orders/${task.run_id}`}>{textOf(task, 'title')}</Link>
            <p>{textOf(task, 'description')}</p>
            <button type="button" onClick={() => void decide(task, true)}>
              Approve
            </button>{' '}
            <button type="button" onClick={() => void decide(task, false)}>
              Reject
            </button>
          </li>
        ))}
      </ul>
    </main>
  );
}
