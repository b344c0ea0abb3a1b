/** Flags of a run that an answer must not repeat: how many blocks, by which engine, and into which file. */
const REPLACED: Readonly<Record<string, 'with value' | 'alone'>> = {
  '--repeat': 'with value',
  '-r': 'with value',
  '--engine': 'with value',
  '--out': 'with value',
  '-o': 'with value',
  '--resume': 'with value',
  '--dry-run': 'alone',
};

/** Blocks that the command asks for: half of them would still do when some are dropped. */
const BLOCKS = 24;

/** The command that measures the same in enough blocks, as it can be pasted into a shell. */
export function answerCommand(command: readonly string[]): string {
  const words: string[] = [];
  for (let at = 0; at < command.length; at += 1) {
    const word = command[at] as string;
    const [flag = ''] = word.split('=');
    const kind = REPLACED[flag];
    if (kind === undefined && !/^-[ro]./.test(word)) words.push(quotedForShell(word));
    if (kind === 'with value' && !word.includes('=')) at += 1;
  }
  return ['pnpm bench', ...words, `--repeat ${BLOCKS}`].join(' ');
}

function quotedForShell(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
