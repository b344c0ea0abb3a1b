import type { Operation } from './measure.ts';

/** What a group reports while it is measured. */
export interface GroupContext {
  /** Times an operation and records the figures. @throws as `measure` does. */
  measure(operation: Operation): Promise<void>;
  /** Reports and records that something is not measured, and why. */
  skipOperation(name: string, reason: string): void;
  /** A line below the table. */
  note(text: string): void;
  /** The current step, for the progress line. */
  step(text: string): void;
  signal: AbortSignal;
}
