// Names of the hidden workflows to which test runs belong.

/** `crm.look_up` as the name of a workflow: `component-crm-look-up`. */
export const workflowNameOf = (kind: string, name: string): string =>
  `${kind}-${name.replaceAll(/[._]/g, '-')}`.slice(0, 92).replace(/-+$/, '');
