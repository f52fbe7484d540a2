import http from 'node:http';

/** Takes whatever is exported over OTLP/HTTP and throws it away: the least that any collector does. Says how many requests came when asked. */
let requests = 0;
const server = http.createServer((request, response) => {
  requests += 1;
  request.resume().on('end', () => response.writeHead(200, { 'content-type': 'application/json' }).end('{}'));
});

server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (address !== null && typeof address === 'object') process.stdout.write(`http://127.0.0.1:${address.port}\n`);
});
process.stdin.on('data', () => process.stdout.write(`${requests}\n`));
// Ends with the benchmark, however that ends.
process.stdin.on('close', () => process.exit(0));
