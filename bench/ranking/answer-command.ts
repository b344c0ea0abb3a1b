import { spellingsOf, takesNoValue } from '../config/flag.ts';
import { RUN_FLAGS } from '../config/flags.ts';

/** Flags of a run that the command must not repeat: the number of blocks, the engine, and the file. */
const { repeat, engine, out, resume, dryRun } = RUN_FLAGS;
const OMITTED_FLAGS = [repeat, engine, out, resume, dryRun].flatMap((flag) =>
  spellingsOf(flag).map((spelling) => ({ spelling, isAlone: takesNoValue(flag) })),
);

/** Number of blocks in the command: half of them would suffice, in case some are dropped. */
const BLOCKS = 24;

/** The command that measures the same in enough blocks, quoted for a shell. */
export function answerCommand(command: readonly string[]): string {
  const words: string[] = [];
  for (let at = 0; at < command.length; at += 1) {
    const word = command[at] as string;
    const left = OMITTED_FLAGS.find(({ spelling }) => isFlag(word, spelling));
    if (left === undefined) words.push(quotedForShell(word));
    else if (!left.isAlone && word === left.spelling) at += 1;
  }
  return ['pnpm bench', ...words, `--repeat ${BLOCKS}`].join(' ');
}

/** Whether a word is this flag, perhaps with its value: `--out=x.csv`, `-ox.csv`. */
function isFlag(word: string, spelling: string): boolean {
  const joined = spelling.startsWith('--') ? `${spelling}=` : spelling;
  return word === spelling || word.startsWith(joined);
}

function quotedForShell(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
