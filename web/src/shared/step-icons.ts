// Line icons by the names that step_types.icon uses; each is the path of a 24 × 24 drawing.
export const ICONS: Readonly<Record<string, string>> = {
  bot: 'M5 9h14v10H5zM12 9V5M9 13v2M15 13v2M2 13v3M22 13v3',
  box: 'M12 3l8 4.5v9L12 21l-8-4.5v-9zM4 7.5l8 4.5 8-4.5M12 12v9',
  'clipboard-list': 'M8 4H6v17h12V4h-2M9 2h6v4H9zM9 11h6M9 15h6',
  code: 'M8 7l-5 5 5 5M16 7l5 5-5 5M14 4l-4 16',
  database: 'M4 6c0-4 16-4 16 0v12c0 4-16 4-16 0zM4 6c0 4 16 4 16 0M4 12c0 4 16 4 16 0',
  'file-down': 'M6 3h8l4 4v14H6zM12 10v7M9 14l3 3 3-3',
  'file-up': 'M6 3h8l4 4v14H6zM12 17v-7M9 13l3-3 3 3',
  'git-branch': 'M12 3l9 9-9 9-9-9zM12 9v3M12 15v.1',
  globe: 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18M3 12h18M12 3c3 3 3 15 0 18M12 3c-3 3-3 15 0 18',
  'help-circle':
    'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18M9.5 9.5a2.5 2.5 0 1 1 3.5 2.3c-.7.3-1 .8-1 1.7M12 17v.1',
  inbox: 'M4 13l3-8h10l3 8v6H4zM4 13h5l1 3h4l1-3h5',
  mail: 'M3 6h18v12H3zM3 7l9 7 9-7',
  radio: 'M5 12a7 7 0 0 1 14 0M8 12a4 4 0 0 1 8 0M12 12v8',
  repeat: 'M4 9a6 6 0 0 1 6-5h8l-3-3M20 15a6 6 0 0 1-6 5H6l3 3',
  shuffle: 'M4 7h10l-3-3M20 17H10l3 3',
  sparkles: 'M12 3l2 6 6 2-6 2-2 6-2-6-6-2 6-2zM19 16v4M17 18h4',
  timer: 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18M12 7v5l3 2',
  'user-check': 'M9 11a4 4 0 1 0 0-8 4 4 0 0 0 0 8M2 21c0-4 3-7 7-7M14 17l3 3 5-6',
  webhook: 'M9 8a3 3 0 1 1 4 3l3 5M7 13a3 3 0 1 0 3 4h6M15 17a3 3 0 1 0 1-4',
  workflow: 'M4 4h7v6H4zM13 14h7v6h-7zM7 10v7h6',
  zap: 'M13 2L4 14h7l-1 8 9-12h-7z',
};

/** For a step type that this client does not know yet. */
export const UNKNOWN_ICON = 'M4 6h16M4 12h16M4 18h16';
