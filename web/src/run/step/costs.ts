// Tokens and costs of model calls in words.
export interface Usage {
  input_tokens?: number | null;
  output_tokens?: number | null;
}

const money = new Intl.NumberFormat(undefined, {
  style: 'currency',
  currency: 'USD',
  minimumFractionDigits: 2,
  maximumSignificantDigits: 3,
});

export const dollars = (cost: number | null | undefined): string =>
  typeof cost === 'number' ? money.format(cost) : 'cost unknown';
