/**
 * Columns of the terminal; `undefined` where the output goes to a file or a pipe, whose reader has any width. Fewer than
 * 40 count as 40.
 */
export const SCREEN_COLUMNS: number | undefined =
  process.stdout.isTTY === true ? Math.max(40, process.stdout.columns) : undefined;
