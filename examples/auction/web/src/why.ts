// Why something was refused, in words for a person.
import { TrefoilError } from 'trefoil';
import { hour } from './clock.ts';
import { type Card, priceOf } from './house.ts';
import { money } from './money.ts';

/** Why a bid, or anything else that was asked for, is refused here, before it is sent. */
export type Why = 'closed' | 'low' | 'leading' | 'own_lot' | 'money' | 'amount' | 'role' | 'visitor' | 'offline' | 'missing';

/** A refusal that this page has seen by itself. */
export class Refusal extends Error {
  readonly why: Why;

  constructor(why: Why) {
    super(why);
    this.why = why;
  }
}

/** What is known when something was refused. */
export interface Context {
  readonly card: Card | null;
  readonly cents: number;
  readonly available: number | null;
  /** The id of who is told. */
  readonly me: string;
}

/** What to tell the person. */
export function whyWords(error: unknown, c: Context): string {
  const why = whyOf(error);
  const { card } = c;
  switch (why) {
    case 'closed':
      return closedWords(card, c.me);
    case 'low':
      return card ? `Too low: ${card.bids > 0 ? `${card.leaderName || 'somebody'} bids ${money(card.price)}` : `it starts at ${money(card.start)}`}. The next bid is ${money(card.next)} or more.` : 'Somebody bids more.';
    case 'leading':
      return 'You lead already: you would only bid against yourself.';
    case 'own_lot':
      return 'This lot is yours. Sellers do not bid on their own lots.';
    case 'money':
      return c.available === null ? 'You have not enough money that is free.' : `You have not enough that is free: ${money(c.available)} of ${money(c.cents)}.`;
    case 'amount':
      return 'That is no amount the house takes: whole cents, above zero, and not more than €1,000,000,000.';
    case 'role':
      return 'Your role does not allow that.';
    case 'visitor':
      return 'Sign in first: visitors watch.';
    case 'offline':
      return 'The house cannot be reached now. Nothing was sent.';
    case 'missing':
      return 'There is no such lot.';
    default:
      return otherWords(error);
  }
}

function closedWords(card: Card | null, me: string): string {
  if (!card || card.state === 'open') return 'Too late: the lot is closed.';
  if (card.state === 'cancelled') return 'The lot was cancelled. Nobody can bid on it any more.';
  const when = card.closed ? ` at ${hour(card.closed, true)}` : '';
  return card.state === 'sold' ? `Too late: the hammer fell${when}, at ${money(priceOf(card))} for ${card.leader === me ? 'you' : card.leaderName || 'somebody else'}.` : `Too late: the hammer fell${when}, without a bid.`;
}

/** The reason behind an error, whoever has found it. */
export function whyOf(error: unknown): Why | '' {
  if (error instanceof Refusal) return error.why;
  if (!(error instanceof TrefoilError) || error.unknown) return '';
  const named = error.reason === 'dstm.invariant' ? error.details?.['why'] : error.reason.startsWith('auction.') ? error.reason.slice(8) : undefined;
  switch (named) {
    case 'closed':
    case 'low':
    case 'leading':
    case 'own_lot':
    case 'money':
    case 'role':
      return named;
    case 'amount':
    case 'bad_amount':
      return 'amount';
    case 'no_lot':
      return 'missing';
  }
  switch (error.reason) {
    case 'dstm.bounds':
      return 'money';
    case 'dstm.denied':
      return 'role';
    case 'rpc.not_connected':
    case 'pubsub.not_connected':
      return 'offline';
  }
  return '';
}

function otherWords(error: unknown): string {
  if (!(error instanceof TrefoilError)) return 'Something went wrong here. Nothing was sent.';
  if (error.unknown) return 'The connection was lost before the answer came: it may have counted or not. What you see here will tell.';
  switch (error.reason) {
    case 'dstm.conflict':
      return 'Too many people bid at this very moment. Try again.';
    case 'dstm.busy':
      return 'The house is very busy. Try again in a moment.';
    case 'auction.has_bids':
      return 'There are bids on it: now only the auctioneer may cancel it.';
    case 'auction.not_yours':
      return 'That lot is not yours.';
    case 'auction.too_many':
      return 'There are as many as the house can hold. Try again later.';
    case 'auction.bad_title':
      return 'A title has 1 to 80 characters.';
    case 'auction.bad_text':
      return 'A description has at most 1,000 characters.';
    case 'auction.bad_time':
      return 'A lot is open for 10 seconds to 7 days.';
    default:
      return sentence(error.message);
  }
}

/** What the house said, as a sentence. */
function sentence(text: string): string {
  if (text === '') return 'The house refused it.';
  return text[0]!.toUpperCase() + text.slice(1) + (/[.!?]$/.test(text) ? '' : '.');
}
