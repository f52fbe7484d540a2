import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** Path below the folder → text. */
type Files = Readonly<Record<string, string>>;

/**
 * A folder as Kubernetes mounts a ConfigMap: what it shows are links through `..data` into a folder of one state, and the next state
 * takes its place by renaming that one link.
 */
export class MountedFolder {
  readonly path = mkdtempSync(join(tmpdir(), 'keyward-mounted-'));
  #state = 0;
  #shown: readonly string[] = [];

  constructor(files: Files) {
    this.replace(files);
  }

  replace(files: Files): void {
    const [before, state] = [this.#state, ++this.#state];
    for (const [name, text] of Object.entries(files)) {
      const file = join(this.path, `..${state}`, name);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, text);
    }
    symlinkSync(`..${state}`, join(this.path, '..data_tmp'));
    renameSync(join(this.path, '..data_tmp'), join(this.path, '..data'));
    const folders = [...new Set(Object.keys(files).map((name) => name.split('/')[0] as string))];
    for (const folder of folders) if (!this.#shown.includes(folder)) symlinkSync(join('..data', folder), join(this.path, folder));
    for (const folder of this.#shown) if (!folders.includes(folder)) unlinkSync(join(this.path, folder));
    this.#shown = folders;
    rmSync(join(this.path, `..${before}`), { recursive: true, force: true });
  }

  remove(): void {
    rmSync(this.path, { recursive: true });
  }
}
