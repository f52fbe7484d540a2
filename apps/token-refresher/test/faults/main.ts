/** A refresher in a process of its own, to which the test that started it may do what happens to processes. */
import { runService } from '@keyward/service-host';
import type { RefreshStep, StepOf } from '../../src/refresh/steps.js';
import { refresherService } from '../../src/service.js';
import { shiftClock } from './clock.js';
import type { Blow, Order, Report, StepTrap } from './orders.js';

let traps: StepTrap[] = [];
let paused = Promise.withResolvers<void>();

/** Resolves once the test has it: what comes next may be the end. */
function report(one: Report): Promise<void> {
  return new Promise((resolve) => {
    if (process.send === undefined) throw new Error('this process is started by a test, over a channel');
    process.send(one, () => resolve());
  });
}

function trapFor(step: RefreshStep, connection: string): StepTrap | undefined {
  const trap = traps.find((one) => one.step === step && (one.connection ?? connection) === connection);
  if (trap === undefined || --trap.nth > 0) return undefined;
  traps = traps.filter((one) => one !== trap);
  return trap;
}

async function strike(blow: Blow): Promise<void> {
  switch (blow.do) {
    case 'kill':
    case 'stop':
      process.kill(process.pid, blow.do === 'kill' ? 'SIGKILL' : 'SIGSTOP');
      // The signal is delivered between two turns: nothing of ours may run in the meantime.
      return new Promise((resolve) => setImmediate(resolve));
    case 'pause':
      return paused.promise;
    case 'clock':
      return shiftClock(blow.shiftMs);
  }
}

async function onStep(step: RefreshStep, { connection, generation }: StepOf): Promise<void> {
  const trap = trapFor(step, connection);
  if (trap === undefined) return void report({ kind: 'step', step, connection, generation });
  await report({ kind: 'step', step, connection, generation });
  await report({ kind: 'trapped', id: trap.id });
  await strike(trap.blow);
}

process.on('message', (order: Order) => {
  switch (order.kind) {
    case 'start':
      Object.assign(process.env, order.env);
      return void runService(refresherService({ onStep })).then(() => report({ kind: 'started' }));
    case 'arm':
      return void traps.push(order.trap);
    case 'disarm':
      traps = traps.filter(({ id }) => order.id !== undefined && id !== order.id);
      return;
    case 'resume':
      paused.resolve();
      paused = Promise.withResolvers();
      return;
    case 'clock':
      return shiftClock(order.shiftMs);
  }
});
process.on('disconnect', () => process.exit(1));
