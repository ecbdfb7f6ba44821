// One line icon per step type.
const PATHS: Record<string, string> = {
  http_request:
    'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18M3 12h18M12 3c3 3 3 15 0 18M12 3c-3 3-3 15 0 18',
  webhook: 'M9 8a3 3 0 1 1 4 3l3 5M7 13a3 3 0 1 0 3 4h6M15 17a3 3 0 1 0 1-4',
  transform: 'M4 7h10l-3-3M20 17H10l3 3',
  condition: 'M12 3l9 9-9 9-9-9zM12 9v3M12 15v.1',
  inline_code: 'M8 7l-5 5 5 5M16 7l5 5-5 5M14 4l-4 16',
  llm_call: 'M12 3l2 6 6 2-6 2-2 6-2-6-6-2 6-2zM19 16v4M17 18h4',
  send_email: 'M3 6h18v12H3zM3 7l9 7 9-7',
  wait_for_approval: 'M9 11a4 4 0 1 0 0-8 4 4 0 0 0 0 8M2 21c0-4 3-7 7-7M14 17l3 3 5-6',
  user_task: 'M12 11a4 4 0 1 0 0-8 4 4 0 0 0 0 8M4 21c0-4 4-7 8-7s8 3 8 7',
  delay: 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18M12 7v5l3 2',
  wait_for_signal: 'M5 12a7 7 0 0 1 14 0M8 12a4 4 0 0 1 8 0M12 12v8',
  for_each: 'M4 9a6 6 0 0 1 6-5h8l-3-3M20 15a6 6 0 0 1-6 5H6l3 3',
  child_workflow: 'M4 4h7v6H4zM13 14h7v6h-7zM7 10v7h6',
};

export function StepIcon({ type }: { type: string }) {
  return (
    <svg className="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      <path d={PATHS[type] ?? 'M4 6h16M4 12h16M4 18h16'} />
    </svg>
  );
}
