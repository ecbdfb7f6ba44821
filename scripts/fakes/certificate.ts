// A certificate of the host `pinned.invalid` for tests, valid until 2126. It signs itself, so it is its own authority.
// The key is public and protects nothing.

export const host = 'pinned.invalid';

export const key = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgqcwp3aY4xR5Mvd+h
3KOF0+8o7DOXoWqA9PJlWilhHDKhRANCAAQ2dGVlbXxIx108uKjY6Bc4TU12wc6W
Erj8c2tuWTb9F9GCF9cimeC+Hj6bLY2RlWXM+SYZpAaZcEh0pzjcnlFg
-----END PRIVATE KEY-----
`;

export const cert = `-----BEGIN CERTIFICATE-----
MIIBpDCCAUqgAwIBAgIUJiidSMiYtisHBGstkqhU37rMgBQwCgYIKoZIzj0EAwIw
GTEXMBUGA1UEAwwOU3RlcGJhc2UgdGVzdHMwIBcNMjYxMTI5MDMxMjQ3WhgPMjEy
NjExMDUwMzEyNDdaMBkxFzAVBgNVBAMMDlN0ZXBiYXNlIHRlc3RzMFkwEwYHKoZI
zj0CAQYIKoZIzj0DAQcDQgAENnRlZW18SMddPLio2OgXOE1NdsHOlhK4/HNrblk2
/RfRghfXIpngvh4+my2NkZVlzPkmGaQGmXBIdKc43J5RYKNuMGwwHQYDVR0OBBYE
FEjXxO9xItgbYQlsrI9PJk72hCmyMB8GA1UdIwQYMBaAFEjXxO9xItgbYQlsrI9P
Jk72hCmyMA8GA1UdEwEB/wQFMAMBAf8wGQYDVR0RBBIwEIIOcGlubmVkLmludmFs
aWQwCgYIKoZIzj0EAwIDSAAwRQIhAIY6e/RdwOfsj5DcHPy9lSIol8VwymYA3LqK
jrwJAQuNAiAbfSfQ7XSDh81yT12PtG/9PQeqnGQKNIhVhlMgVUX6BQ==
-----END CERTIFICATE-----
`;
