// The bids that the house has acknowledged to this browser, and the lots that one had to do with: kept to hold against its books.
import { fields, items, whole, words } from './house.ts';
import type { Receipt } from './methods.ts';
import { keepSetting, setting } from './settings.ts';

/** As many as one question to the house may hold. */
const most = 100;

export function receipts(user: string): readonly Receipt[] {
  try {
    return items(JSON.parse(setting(`receipts.${user}`) ?? '[]')).map((v) => {
      const r = fields(v);
      return { lot: words(r['lot']), amount: whole(r['amount']), epoch: words(r['epoch']), position: whole(r['position']) };
    });
  } catch {
    return [];
  }
}

export function keepReceipt(user: string, receipt: Receipt): void {
  keepSetting(`receipts.${user}`, JSON.stringify([...receipts(user), receipt].slice(-most)));
  keepLot(user, receipt.lot);
}

/** The lots that one has bid on, the newest last. */
export function bidLots(user: string): readonly string[] {
  try {
    return items(JSON.parse(setting(`lots.${user}`) ?? '[]')).map(words);
  } catch {
    return [];
  }
}

export function keepLot(user: string, lot: string): void {
  keepSetting(`lots.${user}`, JSON.stringify([...bidLots(user).filter((id) => id !== lot), lot].slice(-200)));
}
