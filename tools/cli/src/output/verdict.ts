import type { ExportVerdict } from '@keyward/audit';
import type { Output } from './output.js';

interface Given {
  keys: boolean;
  noted: boolean;
}

/** A verdict for people: what is certain first, then what is not. */
export function tellVerdict(out: Output, verdict: ExportVerdict, given: Given): void {
  if (verdict.ok) tellSound(out, verdict, given);
  else tellBroken(out, verdict);
}

function tellSound(out: Output, verdict: ExportVerdict & { ok: true }, given: Given): void {
  const { from, head, events, proof } = verdict;
  out.say(
    {
      proven: 'PROVEN. Nothing in this export was changed, left out or added.',
      chain: 'NOT PROVEN. The rows follow each other without a gap, but nothing says that they are the original ones.',
      rows: 'NOT PROVEN. Each row agrees with its own hash, but the export was filtered: rows that were left out can not be noticed.',
    }[proof],
  );
  out.details({
    organization: verdict.organization,
    exported: verdict.at,
    events: events === 0 ? 'none' : `${events}, seq ${(from?.seq ?? 0) + 1} to ${head?.seq}`,
    checkpoints: given.keys ? `${verdict.checkpoints} with a true signature` : 'signatures not looked at',
    anchors: verdict.anchors === 0 ? undefined : `${verdict.anchors} agree`,
    head: head === undefined || head.seq === 0 ? undefined : `${head.seq}:${head.hash}`,
  });
  if (from !== undefined && from.seq > 0)
    out.say(`It starts behind seq ${from.seq}: what came before is in another export, or was dropped by retention.`);
  for (const line of adviceFor(verdict, given)) out.say(line);
}

function adviceFor({ proof, events, anchors }: ExportVerdict & { ok: true }, given: Given): string[] {
  if (proof === 'rows') return ['To prove the trail, export it without a filter.'];
  if (proof === 'proven') {
    if (anchors > 0 || given.noted) return [];
    return [
      'That no LATER record was withheld only --anchors or --expect-head can tell: this is how the trail stood when it was exported.',
    ];
  }
  if (events === 0) return ['It holds no events, so that there is nothing to prove.'];
  if (given.keys) return [];
  return [
    'Somebody who can write to the database could have made all of it anew. Only the signatures tell, and they need the public keys:',
    '  keyward audit keys > keys.json      (once, over a connection that you trust; keep the file)',
    '  keyward audit verify <file> --keys keys.json',
  ];
}

function tellBroken(out: Output, { fault, events, proven, organization }: ExportVerdict & { ok: false }): void {
  const where = [fault.line === 0 ? '' : `line ${fault.line}`, fault.seq === undefined ? '' : `seq ${fault.seq}`].filter(
    (part) => part !== '',
  );
  out.say(`BROKEN${where.length === 0 ? '' : ` at ${where.join(', ')}`}: ${fault.message} (${fault.reason}).`);
  out.details({
    organization,
    'in order before it': events === 1 ? '1 event' : `${events} events`,
    proven: proven === undefined ? 'nothing' : `up to seq ${proven.seq}`,
  });
  if (fault.reason === 'unknown_key')
    out.say('If the key was rotated, give the old public keys as well: they belong into the same JWKS.');
  if (fault.reason === 'rolled_back')
    out.say('An export that is merely older than what it is compared with looks like this, too: make a new one and verify that.');
}
