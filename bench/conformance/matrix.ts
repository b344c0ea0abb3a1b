import type { Cell } from './check.ts';

/** The matrix before a terminal or Markdown gives it its form: checks down, backends across. */
export interface Matrix {
  columns: readonly Column[];
  rows: readonly { id: string; title: string; source: string; cells: readonly (Cell | undefined)[] }[];
  /** For each ✗: what an attacker or a user would see, and of which backends. */
  limits: readonly { id: string; backends: readonly string[]; because: string }[];
  /** Cells that do not apply, with the reason. */
  exempt: readonly { id: string; backends: readonly string[]; because: string }[];
  surprises: readonly Cell[];
}

/** One column: a backend, and where it was looked at when that made a difference. */
export interface Column {
  backend: string;
  /** Such as `sticky` or `round-robin, nginx`; empty where all places came to the same. */
  place: string;
}

/** Lays cells out. Places (affinity, balancer) of a backend whose cells all agree share a column. Pure. */
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
  };
}

interface Group extends Column {
  byId: ReadonlyMap<string, Cell>;
}

/** The places of one backend, those that agree in every cell together. */
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

/** What tells these places from the others: affinities where they differ, balancers where they do. */
function placeOf(own: readonly Cell[], all: readonly Cell[]): string {
  const words = (key: 'affinity' | 'balancer') => {
    const mine = [...new Set(own.map((cell) => cell[key]))];
    return mine.length === new Set(all.map((cell) => cell[key])).size ? [] : mine;
  };
  return [...words('affinity'), ...words('balancer')].join(', ');
}

/** What was expected and seen to be so, each sentence once with the backends that it is true of. */
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
