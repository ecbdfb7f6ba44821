// A new workflow must not become the draft of another one: save_workflow changes the workflow that has the name.
import { ask } from '../shared/query.ts';
import { supabase } from '../shared/supabase.ts';

/** Throws an Error that a person can read if a workflow of the application has the name. */
export async function refuseTaken(kebabName: string): Promise<void> {
  const taken = await ask(
    supabase
      .from('workflows')
      .select('id')
      .eq('kebab_name', kebabName)
      .is('deleted_at', null)
      .limit(1),
  );
  if (taken.length > 0)
    throw new Error(`A workflow is already called ${kebabName}. Choose another name.`);
}
