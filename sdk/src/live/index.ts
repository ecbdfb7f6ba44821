// `stepbase/live`: the parts of which a page builds its own live views.
export { hasEnded } from '../rows.ts';
export type { SupabaseLike } from '../supabase/like.ts';
export { type ChannelListener, joinChannel } from './channel.ts';
export {
  createFeed,
  type Feed,
  type FeedOptions,
  type RunMessage,
  type Snapshot,
} from './feed.ts';
export { type FollowOptions, followRun } from './follow.ts';
export {
  attemptKey,
  type StepText,
  type StepTexts,
  type TextPiece,
  withPiece,
} from './step-texts.ts';
