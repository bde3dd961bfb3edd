// A bid: one transaction of this page's own, over the lot and the own account. bid.go is the same in Go.
import { dstm } from 'trefoil';
import { Refusal } from './why.ts';

const stateVar = dstm.variable<string>('state');
const price = dstm.variable<number>('price');
const leader = dstm.variable<string>('leader');
const bids = dstm.variable<number>('bids');
const start = dstm.variable<number>('start');
const step = dstm.variable<number>('step');
const seller = dstm.variable<string>('seller');
const due = dstm.variable<boolean>('due', '{user}');
const available = dstm.variable<number>('available');
const held = dstm.variable<number>('held', '{lot}');

/**
 * Bids cents on a lot for the person me. It shows here at once; the promise is fulfilled when the house has it on disk. If somebody was faster it runs again on the
 * new price, and throws a Refusal as soon as it cannot win any more; nothing has changed then.
 */
export async function bid(lot: dstm.SharedObject, account: dstm.SharedObject, lotId: string, me: string, cents: number): Promise<dstm.Commit> {
  const [commit] = await dstm.updateAll([lot, account], (tx) => {
    const mine = tx.in(account);
    if (!stateVar.at().guard(tx, '==', 'open')) throw new Refusal(stateVar.at().exists(tx) ? 'closed' : 'missing');
    if (seller.at().get(tx) === me) throw new Refusal('own_lot');
    const ahead = leader.at().get(tx, '');
    if (ahead === me) throw new Refusal('leading');
    const count = bids.at().get(tx, 0);
    if (cents < (count > 0 ? price.at().get(tx, 0) + step.at().get(tx, 0) : start.at().get(tx, 0))) throw new Refusal('low');
    if (ahead !== '') due.at(ahead).set(tx, true); // who is outbid gets the escrow back
    price.at().set(tx, cents);
    leader.at().set(tx, me);
    bids.at().set(tx, count + 1);
    const back = held.at(lotId).get(mine, 0); // of an earlier bid, not yet returned
    if (!available.at().guard(mine, '>=', cents - back)) throw new Refusal('money');
    available.at().add(mine, back - cents, { min: 0 }); // bounded: never below zero, and no conflict with refunds
    held.at(lotId).set(mine, cents);
  });
  return commit!;
}
