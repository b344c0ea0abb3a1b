import type { Operation } from './measure.ts';

/** What a group tells while it is measured. */
export interface GroupContext {
  /** Times an operation and keeps the figures. @throws as `measure` does. */
  measure(operation: Operation): Promise<void>;
  /** Says and keeps that something is not measured, and why. */
  leaveOut(name: string, reason: string): void;
  /** A line that stands under the table. */
  note(text: string): void;
  /** What happens now, for the progress line. */
  step(text: string): void;
  signal: AbortSignal;
}
