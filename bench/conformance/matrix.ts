import type { Cell } from './check.ts';

/** The matrix, independent of its format: checks down, backends across. */
export interface Matrix {
  columns: readonly Column[];
  rows: readonly { id: string; title: string; source: string; cells: readonly (Cell | undefined)[] }[];
  /** For each ✗: what an attacker or a user would see, and for which backends. */
  limits: readonly { id: string; backends: readonly string[]; because: string }[];
  /** Cells that do not apply, with the reason. */
  exempt: readonly { id: string; backends: readonly string[]; because: string }[];
  surprises: readonly Cell[];
  /** Whether nothing was expected: all columns are stores of the user's. */
  isFound: boolean;
}

/** One column: a backend, and its place if that made a difference. */
export interface Column {
  backend: string;
  /** Such as `sticky` or `round-robin, nginx`; empty where all places gave the same result. */
  place: string;
}

/** Arranges cells. Places (affinity, balancer) of a backend whose cells all agree share a column. Pure. */
export function layOutMatrix(cells: readonly Cell[]): Matrix {
  const groups = [...new Set(cells.map(({ backend }) => backend))].flatMap((backend) =>
    columnsOf(cells.filter((cell) => cell.backend === backend)),
  );
  const ids = [...new Map(cells.map((cell) => [cell.id, cell])).values()];
  return {
    columns: groups.map(({ backend, place }) => ({ backend, place })),
    rows: ids.map(({ id, title, source }) => {
      return { id, title, source, cells: groups.map(({ byId }) => byId.get(id)) };
    }),
    limits: sentences(cells, 'fail'),
    exempt: sentences(cells, 'n/a'),
    surprises: cells.filter(({ surprise }) => surprise),
    isFound: cells.length > 0 && cells.every(({ found }) => found === true),
  };
}

interface Group extends Column {
  byId: ReadonlyMap<string, Cell>;
}

/** The places of one backend, grouped by equal cells. */
function columnsOf(cells: readonly Cell[]): Group[] {
  const places = groupBy(cells, ({ affinity, balancer }) => `${affinity} ${balancer}`);
  const agreeing = groupBy(places, (place) =>
    place.map(({ id, expected, observed }) => `${id} ${expected} ${observed}`).join('\n'),
  );
  return agreeing.map((group) => {
    const [first = []] = group;
    const heads = group.flatMap(([head]) => (head === undefined ? [] : [head]));
    const place =
      agreeing.length === 1
        ? ''
        : placeOf(
            heads,
            places.flatMap(([head]) => head ?? []),
          );
    return { backend: first[0]?.backend ?? '', place, byId: new Map(first.map((cell) => [cell.id, cell])) };
  });
}

/** What distinguishes these places from the others: affinities where they differ, balancers where they do. */
function placeOf(own: readonly Cell[], all: readonly Cell[]): string {
  const words = (key: 'affinity' | 'balancer') => {
    const mine = [...new Set(own.map((cell) => cell[key]))];
    return mine.length === new Set(all.map((cell) => cell[key])).size ? [] : mine;
  };
  return [...words('affinity'), ...words('balancer')].join(', ');
}

/** Expected limits that were confirmed, each sentence once with its backends. */
function sentences(all: readonly Cell[], outcome: 'fail' | 'n/a'): Matrix['limits'] {
  const cells = all.filter(({ observed, expected }) => observed === outcome && expected === outcome);
  const affinitiesOf = (backend: string, among: readonly Cell[]) => [
    ...new Set(among.filter((cell) => cell.backend === backend).map(({ affinity }) => affinity)),
  ];
  const order = [...new Set(all.map(({ id }) => id))];
  const groups = groupBy(cells, ({ id, because }) => `${id} ${because}`).sort(
    ([a], [b]) => order.indexOf(a?.id ?? '') - order.indexOf(b?.id ?? ''),
  );
  return groups.map((group) => {
    const backends = [...new Set(group.map(({ backend }) => backend))].map((backend) => {
      const own = affinitiesOf(backend, group);
      return own.length < affinitiesOf(backend, all).length ? `${backend} (${own.join(', ')})` : backend;
    });
    return { id: group[0]?.id ?? '', backends, because: group[0]?.because ?? '' };
  });
}

function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): T[][] {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return [...groups.values()];
}
