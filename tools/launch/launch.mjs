/**
 * What stands behind `npm start`, `npm test`, `npm run test:faults`, `npm run demo`, `npm run bench`, `npm run soak` and `npm run simulate`: it runs on whatever Node is there, with nothing
 * installed. This first file must parse on Nodes that are far too old, to be able to say so.
 */
const OLDEST = [20, 19];
const [major, minor] = process.versions.node.split('.').map(Number);

if (major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1])) {
  console.error(
    `Keyward needs Node ${OLDEST.join('.')} or newer to install itself (it then brings its own Node 24); this is ${process.version}.\n` +
      '  With nvm:  nvm install 24 && nvm use 24\n' +
      '  Otherwise: https://nodejs.org/en/download',
  );
  process.exit(1);
} else if (process.platform === 'win32') {
  console.error('Keyward runs on Linux and macOS. On Windows use WSL 2: https://learn.microsoft.com/windows/wsl/install');
  process.exit(1);
} else {
  import('./main.mjs').then(({ main }) => main(process.argv.slice(2)));
}
