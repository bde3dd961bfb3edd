// One's own money, bids and lots.
import { heldOf, type Card } from '../house.ts';
import { money } from '../money.ts';
import { receipts } from '../receipts.ts';
import { whyWords } from '../why.ts';
import { ask } from './ask.ts';
import { h, icon, text, show } from './dom.ts';
import { bidsWords, Rows } from './rows.ts';
import type { Stage, View } from './view.ts';

export class AccountView implements View {
  readonly title = 'My account';
  readonly element: HTMLElement;
  readonly #stage: Stage;
  readonly #sums: HTMLElement;
  readonly #available = h('strong');
  readonly #held = h('strong');
  readonly #spent = h('strong');
  readonly #earned = h('strong');
  readonly #proof: HTMLElement;
  readonly #proofWords = h('p', { role: 'status', 'aria-live': 'polite' });
  readonly #bids: Rows;
  readonly #won: Rows;
  readonly #selling: Rows;

  constructor(stage: Stage) {
    this.#stage = stage;
    const { pass } = stage.link;
    const sum = (label: string, value: HTMLElement, hint: string) => h('div', { class: 'panel sum' }, h('span', { class: 'label' }, label), value, h('small', {}, hint));
    this.#sums = h('div', { class: 'sums' }, sum('Available', this.#available, 'free to bid with'), sum('In escrow', this.#held, 'set aside for bids that lead'), sum('Spent', this.#spent, 'on lots that you won'), sum('Earned', this.#earned, 'from lots that you sold'));
    const most = (c: Card) => stage.link.account?.maxima.get(c.id);
    const held = (c: Card) => stage.link.account?.held.get(c.id);
    this.#bids = new Rows('Bids', 'No lot with a bid of yours is open.', (c) => [bidsWords(c), ...(held(c) ? [`${money(held(c)!)} set aside`] : []), ...(most(c) ? [`your maximum ${money(most(c)!)}`] : [])].join(', '));
    this.#won = new Rows('Won', 'You have not won a lot yet.', (c) => `from ${c.sellerName || 'a seller'}`);
    this.#selling = new Rows('Selling', 'You have no lots for sale.', bidsWords);
    this.#proof = h('section', { class: 'panel verdict' }, h('span', { class: 'mark' }, icon('audit', 24)), h('div', {}, h('h2', {}, 'Receipts'), this.#proofWords), h('button', { type: 'button', class: 'button plain', click: () => void this.#prove() }, 'Hold against the log'));
    const roles = { bidder: 'Bidder', seller: 'Seller and bidder', auctioneer: 'Auctioneer', '': '' };
    this.element = h('section', {}, h('div', { class: 'head' }, h('div', {}, h('h1', { tabindex: '-1' }, pass?.name ?? ''), h('p', {}, roles[pass?.role ?? ''])),
      h('button', { type: 'button', class: 'button plain small', click: () => void this.#leave() }, icon('leave', 17), 'Sign out')),
      this.#sums, this.#proof, this.#bids.element, this.#won.element, ...(pass?.role === 'seller' ? [this.#selling.element] : []));
    const bidder = pass?.role !== 'auctioneer';
    for (const part of [this.#sums, this.#proof, this.#bids.element, this.#won.element]) show(part, bidder);
    if (!bidder) this.element.append(h('div', { class: 'empty panel' }, icon('gavel', 44), h('h2', {}, 'You keep the house'), h('p', {}, 'Auctioneers open and cancel lots and run the self-check. They do not bid.'), h('a', { class: 'button', href: '/audit' }, 'To the books')));
  }

  draw(): void {
    const { account, pass, clock, cards } = this.#stage.link;
    if (!pass || pass.role === 'auctioneer') return;
    text(this.#available, account ? money(account.available) : '…');
    text(this.#held, account ? money(heldOf(account)) : '…');
    text(this.#spent, account ? money(account.spent) : '…');
    text(this.#earned, account ? money(account.earned) : '…');
    const now = clock.now();
    const mine = this.#stage.mine()!;
    const all = cards.all();
    this.#bids.draw(all.filter((c) => c.state === 'open' && c.seller !== pass.id && (mine.lots.has(c.id) || c.leader === pass.id)), now, mine);
    this.#won.draw(all.filter((c) => c.state === 'sold' && c.leader === pass.id), now, mine);
    this.#selling.draw(all.filter((c) => c.seller === pass.id), now, mine);
    if (this.#proofWords.textContent === '') this.#count();
  }

  key(key: string): boolean {
    if (key !== 'Escape') return false;
    this.#stage.go('/');
    return true;
  }

  #count(): void {
    const n = receipts(this.#stage.link.pass!.id).length;
    text(this.#proofWords, n === 0 ? 'Each bid that counts leaves a receipt here: the place of its transaction in the house’s log.' : `${n === 1 ? '1 bid' : `${n} bids`} of yours the house has acknowledged to this browser.`);
  }

  async #prove(): Promise<void> {
    const own = receipts(this.#stage.link.pass!.id);
    if (own.length === 0) return this.#count();
    try {
      const found = await this.#stage.link.findReceipts(own);
      const lost = found.filter((f) => !f.found);
      text(this.#proofWords, lost.length === 0 && found.length === own.length ? `All ${own.length === 1 ? 'of it: 1 bid stands' : `${own.length} bids stand`} in the log.` : `${lost.length} of ${own.length} are not in the log: ${lost[0]?.why ?? ''}`);
    } catch (e) {
      text(this.#proofWords, whyWords(e, { card: null, cents: 0, available: null, me: '' }));
    }
  }

  async #leave(): Promise<void> {
    if (!(await ask('Sign out?', 'This browser forgets the account, and nobody can get back into it: its money and lots stay with the house.', 'Sign out', 'Stay'))) return;
    this.#stage.become(null, '/');
  }
}
