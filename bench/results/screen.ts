/** What a terminal without a size, such as one that a program made, is taken for. */
const USUAL_COLUMNS = 80;
const FEWEST_COLUMNS = 40;

/**
 * Columns of the terminal, else those of the variable COLUMNS; `undefined` where the output goes to a file or a pipe
 * without it, whose reader has any width. Fewer than 40 count as 40.
 */
export const SCREEN_COLUMNS: number | undefined = columnsOf(process.stdout, process.env);

export function columnsOf(
  { isTTY, columns }: { isTTY?: boolean; columns?: number },
  env: Readonly<Record<string, string | undefined>>,
): number | undefined {
  const given = /^[1-9]\d{0,4}$/.test(env['COLUMNS'] ?? '') ? Number(env['COLUMNS']) : undefined;
  const own = isTTY === true && columns !== undefined && columns > 0 ? columns : undefined;
  const found = own ?? given ?? (isTTY === true ? USUAL_COLUMNS : undefined);
  return found === undefined ? undefined : Math.max(FEWEST_COLUMNS, found);
}
