// The profile of the signed-in user.
import { Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { PageHeader } from '../shared/PageHeader.tsx';
import { ask } from '../shared/query.ts';
import { ErrorState, LoadingState } from '../shared/states.tsx';
import { supabase } from '../shared/supabase.ts';

export default function ProfilePage() {
  const { data, error, refetch } = useQuery({
    queryKey: ['', 'profile'],
    queryFn: () => ask(supabase.rpc('my_profile')),
  });
  return (
    <>
      <PageHeader title="Profile" help="guides/organizations-and-members" />
      {error && <ErrorState error={error} retry={() => void refetch()} />}
      {data === undefined && !error && <LoadingState rows={3} />}
      {data && <Text>{data.display_name}</Text>}
    </>
  );
}
