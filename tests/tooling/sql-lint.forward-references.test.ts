// Functions refer to later migrations only if a short list declares it with a reason.
import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import {
  DECLARED,
  forwardReferenceProblems,
  forwardReferences,
} from '../../scripts/sql-lint/forward-references.ts';
import { type Problem, readSource } from '../../scripts/sql-lint/source.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

function read(files: { file: string; text: string }[]) {
  const problems: Problem[] = [];
  const sources = files.map(({ file, text }) => readSource(file, text, problems));
  expect(problems).toEqual([]);
  return sources;
}

const FIRST = `-- First.
create function stepbase_engine.first() returns void language plpgsql set search_path = '' as $$
begin
  -- A comment may name stepbase_engine.third.
  perform stepbase_engine.second(), 'stepbase_engine.things'::regclass;
  perform stepbase_engine.first();
end;
$$;
`;
const LATER = `-- Later.
create table stepbase_engine.things (id int primary key);
create function stepbase_engine.second() returns void language sql set search_path = '' as $$ select $$;
create function stepbase_engine.third() returns void language plpgsql set search_path = '' as $$
begin
  perform stepbase_engine.first();
end;
$$;
`;
const sources = () =>
  read([
    { file: 'supabase/migrations/20260101000200_later.sql', text: LATER },
    { file: 'supabase/migrations/20260101000100_first.sql', text: FIRST },
  ]);

describe('forward references', () => {
  it('are found in bodies, for functions and tables of later files, and not in comments', () => {
    expect(forwardReferences(sources())).toEqual([
      { file: 'first', object: 'stepbase_engine.second' },
      { file: 'first', object: 'stepbase_engine.things' },
    ]);
  });

  it('are reported if they are not declared, or if the declaration is stale', () => {
    const declared = [
      { file: 'first', object: 'stepbase_engine.second', reason: 'a reason' },
      { file: 'first', object: 'stepbase_engine.gone', reason: 'a reason' },
    ];
    expect(forwardReferenceProblems(forwardReferences(sources()), declared)).toEqual([
      'first refers to stepbase_engine.things, which a later migration creates: reorder or declare it',
      'stale declaration: first refers to stepbase_engine.gone',
    ]);
  });

  it('are declared in the migrations, each with its reason', () => {
    const files = globSync('supabase/migrations/*.sql', { cwd: ROOT }).map((file) => ({
      file,
      text: readFileSync(`${ROOT}/${file}`, 'utf8'),
    }));
    expect(forwardReferenceProblems(forwardReferences(read(files)))).toEqual([]);
    expect(DECLARED.filter(({ reason }) => reason.length < 20)).toEqual([]);
  });
});
