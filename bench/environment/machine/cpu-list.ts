/** Lists of processors, in the syntax of taskset and of the kernel. */

/** The processors of a list such as `0,2-3`, ascending; none for an empty one. */
export function parseCpuList(text: string): number[] {
  if (text.trim() === '') return [];
  return text.split(',').flatMap((part) => {
    const [first = 0, last = first] = part.split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
}

/** The inverse, with adjacent processors as a range. */
export function cpuListText(cpus: readonly number[]): string {
  const ranges: [first: number, last: number][] = [];
  for (const cpu of cpus) {
    const range = ranges.at(-1);
    if (range !== undefined && range[1] === cpu - 1) range[1] = cpu;
    else ranges.push([cpu, cpu]);
  }
  return ranges.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(',');
}
