/** One column of the result CSV. */
interface Column<Name extends string, Kind extends keyof CellOf> {
  name: Name;
  kind: Kind;
  /** What it contains, with the unit if the name lacks it. */
  meaning: string;
}

/** The cells of each kind of column. */
export interface CellOf {
  text: string;
  integer: number;
  number: number;
  boolean: boolean;
}

const columnOf =
  <Kind extends keyof CellOf>(kind: Kind) =>
  <Name extends string>(name: Name, meaning: string): Column<Name, Kind> => ({ name, kind, meaning });
export const [text, integer, number, boolean] = [
  columnOf('text'),
  columnOf('integer'),
  columnOf('number'),
  columnOf('boolean'),
];
