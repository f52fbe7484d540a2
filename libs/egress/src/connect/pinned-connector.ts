import { promises as dns } from 'node:dns';
import { isIP, type LookupFunction, type Socket } from 'node:net';
import type { SecureContext } from 'node:tls';
import { buildConnector } from 'undici';
import { classifyAddress } from '../address/classify-address.js';
import { denied } from '../egress-error.js';

/** All addresses of a host name, numeric. */
export type Resolve = (hostname: string) => Promise<{ address: string; family: number }[]>;

export const resolveBySystem: Resolve = (hostname) => dns.lookup(hostname, { all: true, order: 'verbatim' });

const CONNECT_TIMEOUT_MS = 5_000;

/**
 * Opens connections of one origin. The name is resolved, every address checked, and the socket connected to an address that was
 * checked, in one step: a name that answers differently the next time (DNS rebinding) is checked again with the next connection.
 */
export function pinnedConnector(
  allowPrivate: boolean,
  resolve: Resolve,
  secureContext?: SecureContext,
): buildConnector.connector {
  const lookup: LookupFunction = (hostname, options, callback) => {
    resolve(hostname)
      .then((addresses) => {
        for (const { address } of addresses) assertAllowed(address, allowPrivate);
        const [first] = addresses;
        if (first === undefined) throw new Error('the name has no address');
        if (options.all === true) callback(null, addresses);
        else callback(null, first.address, first.family);
      })
      .catch((error: unknown) => callback(error instanceof Error ? error : new Error(String(error)), '', 0));
  };
  const connect = buildConnector({
    lookup,
    timeout: CONNECT_TIMEOUT_MS,
    allowH2: false,
    ...(secureContext === undefined ? {} : { secureContext }),
  });
  return (options, callback) => {
    try {
      // net.connect asks no lookup about a host that is an address already.
      if (isIP(options.hostname) !== 0) assertAllowed(options.hostname, allowPrivate);
    } catch (error) {
      queueMicrotask(() => callback(error as Error, null));
      return;
    }
    connect(options, (...[error, socket]) => {
      if (error !== null) callback(error, null);
      else afterConnect(socket, allowPrivate, callback);
    });
  };
}

/** The address the socket really has, as a second opinion that depends on nothing above. */
function afterConnect(socket: Socket, allowPrivate: boolean, callback: buildConnector.Callback): void {
  try {
    assertAllowed(socket.remoteAddress ?? '', allowPrivate);
  } catch (error) {
    socket.destroy();
    callback(error as Error, null);
    return;
  }
  callback(null, socket);
}

function assertAllowed(address: string, allowPrivate: boolean): void {
  const kind = classifyAddress(address);
  if (kind === 'forbidden') throw denied('forbidden_address');
  if (kind === 'private' && !allowPrivate) throw denied('private_address');
}
