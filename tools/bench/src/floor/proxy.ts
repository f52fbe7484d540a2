import http from 'node:http';
import { Pool } from 'undici';

/**
 * The floor of P2: the least that any broker written in Node has to do. Takes a request, sends its body on with a bearer token, answers
 * with what came back. No authentication, no validation, no policy, no vault, no bus, no record.
 */
const [upstream, path, token] = process.argv.slice(2) as [string, string, string];
const pool = new Pool(upstream, { connections: 64 });

const server = http.createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    pool
      .request({
        path,
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
        body: Buffer.concat(chunks),
      })
      .then(async (answer) => {
        response.writeHead(answer.statusCode, { 'content-type': 'application/json' });
        response.end(Buffer.from(await answer.body.arrayBuffer()));
      })
      .catch(() => response.writeHead(502).end());
  });
});

server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (address !== null && typeof address === 'object') process.stdout.write(`http://127.0.0.1:${address.port}\n`);
});
// Ends with the benchmark, however that ends.
process.stdin.on('close', () => process.exit(0)).resume();
