// Whether an API key gives access: active, expired or revoked.
export function keyStatus(
  { revoked_at, expires_at }: { revoked_at: string | null; expires_at: string | null },
  now: number,
): 'active' | 'expired' | 'revoked' {
  if (revoked_at !== null) return 'revoked';
  return expires_at !== null && Date.parse(expires_at) <= now ? 'expired' : 'active';
}
