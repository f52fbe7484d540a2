import { createInterface } from 'node:readline/promises';
import { Usage } from './fail.js';
import { printable } from './output.js';

/** Asks for the word to be typed. Where nobody can be asked, `given` must be it already. @throws Usage */
export async function confirm(question: string, word: string, given: string | undefined): Promise<void> {
  if (given === word) return;
  if (given !== undefined) throw new Usage(`--confirm must be exactly “${word}”.`);
  if (!process.stdin.isTTY) throw new Usage(`This can not be undone. To do it without being asked: --confirm ${word}`);
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const typed = await terminal.question(`${printable(question)}\nType “${word}” to go on: `);
    if (typed.trim() !== word) throw new Usage('Nothing was done.');
  } finally {
    terminal.close();
  }
}

/** A line that is not shown while it is typed, or all of standard input where that is no terminal. */
export async function secretInput(prompt: string): Promise<string> {
  const { stdin, stderr } = process;
  if (!stdin.isTTY) {
    const chunks: Buffer[] = [];
    for await (const chunk of stdin) chunks.push(Buffer.from(chunk as Uint8Array));
    return Buffer.concat(chunks).toString().trim();
  }
  stderr.write(prompt);
  stdin.setRawMode(true);
  let typed = '';
  try {
    for await (const chunk of stdin) {
      for (const char of String(chunk)) {
        if (char === '\r' || char === '\n' || char === '\u0004') return typed;
        if (char === '\u0003') throw new Usage('Nothing was done.');
        typed = char === '\u007f' ? typed.slice(0, -1) : typed + char;
      }
    }
    return typed;
  } finally {
    stdin.setRawMode(false);
    stdin.pause();
    stderr.write('\n');
  }
}
