import { Progress } from './progress.tsx';

export default async function OrderPage({ params }: { params: Promise<{ id: string }> }) {
  const { id } = await params;
  return (
    <main>
      <h1>Order</h1>
      <Progress runId={id} />
    </main>
  );
}
