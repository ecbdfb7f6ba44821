export { scaled } from '../../scripts/test/time.ts';
