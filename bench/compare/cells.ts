import { isVariant, parseVariant, variantText } from '../../stores/variant.ts';
import { BenchError } from '../errors.ts';
import { blockKey } from '../results/blocks.ts';
import { type ColumnName, cellText, isUsable, type Row, SCHEMA_VERSION } from '../results/row.ts';

/** Columns that identify the backend of a row; the other configuration columns identify its group. */
const ARM_COLUMNS = ['store', 'variant', 'pool_size', 'cpu_from'] as const satisfies readonly ColumnName[];
const GROUP_COLUMNS = [
  'servers',
  'balancer',
  'affinity',
  'transport',
  'scenario',
  'fault',
  'operation',
  'payload_bytes',
  'sessions_live',
  'key_distribution',
  'engine',
  'pass',
  'load_model',
  'connections',
  'target_rps',
  'pinning',
  'generator_mode',
  'edge_tls',
  'store_distance_ms',
  'inner_servers',
  'touch_s',
  'expiring_sessions',
  'churned_sessions',
] as const satisfies readonly ColumnName[];

/** Columns that identify a cell; only cells that were measured in both files can be compared. */
export const CONFIGURATION_COLUMNS: readonly ColumnName[] = [...ARM_COLUMNS, ...GROUP_COLUMNS];

/** All rows of one configuration in one file. */
export interface Cell {
  /** Identifies the configuration; equal in both files. */
  key: string;
  /** Identifies the group; equal for a backend and its control. */
  group: string;
  configuration: Row;
  /** The valid row of each block. */
  blocks: ReadonlyMap<string, Row>;
  /** Rows that must not be used, except those that a backend does not support. */
  invalid: number;
  /** Valid rows in blocks that are omitted as a whole, because another of their rows must not be used. */
  dropped: number;
  /** Whether any row has or should have figures; false when the backend does not support the configuration. */
  supported: boolean;
}

/**
 * The rows of a file by configuration, in the order of the file.
 * @param spoilt keys of blocks that are omitted as a whole.
 * @throws BenchError CSV_INVALID
 */
export function cellsOf(rows: readonly Row[], file: string, spoilt: ReadonlySet<string>): Map<string, Cell> {
  const cells = new Map<string, Cell & { blocks: Map<string, Row> }>();
  const wholeVariant = wholeVariants();
  for (const [index, row] of rows.entries()) {
    checkRow(row, index, file);
    // Of a block that was stopped half way not even the number of sessions is known.
    if (row.status === 'interrupted') continue;
    const key = textOf(row, CONFIGURATION_COLUMNS, wholeVariant(row));
    const cell = cells.get(key) ?? newCell(row, key);
    cells.set(key, cell);
    if (row.status === 'unsupported') continue;
    cell.supported = true;
    if (!isUsable(row)) {
      cell.invalid += 1;
      continue;
    }
    if (spoilt.size > 0 && spoilt.has(blockKey(row))) {
      cell.dropped += 1;
      continue;
    }
    const block = row.block as string;
    if (cell.blocks.has(block)) {
      throw damaged(file, `a second row of block ${block} for ${cellName(row)} in row ${index + 1}`);
    }
    cell.blocks.set(block, row);
  }
  return cells;
}

/**
 * The variant of a row with the options that its writer did not know, so that files from before and after an option pair.
 * A file has thousands of rows and few variants: each is read once.
 */
function wholeVariants(): (row: Row) => string | undefined {
  const known = new Map<string, string>();
  return ({ store, variant }) => {
    if (variant === undefined) return undefined;
    const name = `${store} ${variant}`;
    const found = known.get(name);
    if (found !== undefined) return found;
    const { durability = '', ...options } = parseVariant(store, variant);
    const whole = variantText(options, durability);
    known.set(name, whole);
    return whole;
  };
}

/** The configuration of a cell on one line: backend first, then non-empty columns. */
export function cellName(configuration: Row): string {
  return CONFIGURATION_COLUMNS.map((column) => cellText(configuration[column]))
    .filter((text) => text !== '')
    .join(' ');
}

function newCell(row: Row, key: string): Cell & { blocks: Map<string, Row> } {
  const cells = CONFIGURATION_COLUMNS.filter((column) => row[column] !== undefined);
  return {
    key,
    group: textOf(row, GROUP_COLUMNS),
    configuration: Object.fromEntries(cells.map((column) => [column, row[column]])) as Row,
    blocks: new Map<string, Row>(),
    invalid: 0,
    dropped: 0,
    supported: false,
  };
}

function textOf(row: Row, columns: readonly ColumnName[], variant = row.variant): string {
  return JSON.stringify(columns.map((column) => cellText(column === 'variant' ? variant : row[column])));
}

function checkRow(row: Row, index: number, file: string): void {
  const where = `in row ${index + 1}`;
  if (row.schema_version !== SCHEMA_VERSION) {
    throw damaged(file, `schema_version ${cellText(row.schema_version) || 'empty'} ${where}`);
  }
  for (const column of ['store', 'operation', 'status', 'block'] as const) {
    if (row[column] === undefined) throw damaged(file, `no ${column} ${where}`);
  }
  if (row.variant !== undefined && !isVariant(row.variant))
    throw damaged(file, `variant "${row.variant.slice(0, 80)}" ${where}`);
}

function damaged(file: string, got: string): BenchError {
  return new BenchError({
    code: 'CSV_INVALID',
    expected: `result rows of schema_version ${SCHEMA_VERSION}, one for each block and configuration, in ${file}`,
    got,
    remedy: 'Name a file that pnpm bench of this version wrote.',
  });
}
