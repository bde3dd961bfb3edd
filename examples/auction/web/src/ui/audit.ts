// The audit: the log with its chain of hashes, and all balances computed anew from it by this page.
import { type Balance, check, type Checked, type Entry, fetchLog, heldOf } from '../books.ts';
import { moment } from '../clock.ts';
import { money } from '../money.ts';
import type { Report } from '../methods.ts';
import { whyWords } from '../why.ts';
import { attr, h, icon, show, text } from './dom.ts';
import { entryWords } from './entry.ts';
import type { Stage, View } from './view.ts';

export class AuditView implements View {
  readonly title = 'Audit';
  readonly element: HTMLElement;
  readonly #stage: Stage;
  readonly #mark = h('span', { class: 'mark' });
  readonly #verdict = h('h2');
  readonly #detail = h('p', { role: 'status', 'aria-live': 'polite' });
  readonly #again = h('button', { type: 'button', class: 'button plain', click: () => void this.#check() }, 'Check again');
  readonly #panel: HTMLElement;
  readonly #checks = h('div', { class: 'checks' });
  readonly #self: HTMLElement;
  readonly #selfAnswer = h('ul', { class: 'soft' });
  readonly #accounts = h('tbody');
  readonly #total = h('tr');
  readonly #log = h('tbody', { role: 'rowgroup' });
  readonly #older: HTMLButtonElement;
  #abort: AbortController | null = null;
  #oldest = 0;

  constructor(stage: Stage) {
    this.#stage = stage;
    this.#older = h('button', { type: 'button', class: 'button plain', click: () => void this.#read(this.#oldest) }, 'Older entries');
    this.#panel = h('section', { class: 'panel verdict', 'aria-label': 'Result' }, this.#mark, h('div', {}, this.#verdict, this.#detail), this.#again);
    const auctioneer = stage.link.pass?.role === 'auctioneer';
    this.#self = h('section', { class: 'panel pad section self', hidden: !auctioneer }, h('h2', {}, 'Self-check of the house'), h('p', { class: 'soft' }, 'The server holds every bid that it has acknowledged against its log, and counts all money.'),
      h('p', {}, h('button', { type: 'button', class: 'button', click: (e: Event) => void this.#selfCheck(e.currentTarget as HTMLButtonElement) }, 'Run the self-check')), this.#selfAnswer);
    const th = (words: string, num = false) => h('th', { scope: 'col', role: 'columnheader', ...(num ? { class: 'num' } : {}) }, words);
    this.element = h('section', {}, h('div', { class: 'head' }, h('h1', { tabindex: '-1' }, 'Open books'), h('p', {}, 'This page reads the log and computes everything by itself.')), this.#panel, this.#checks,
      h('div', { class: 'audit-parts' }, this.#self,
        h('section', { class: 'rows' }, h('h2', {}, 'Accounts'), h('div', { class: 'panel scroll', tabindex: '0', role: 'region', 'aria-label': 'Accounts' }, h('table', { class: 'accounts' },
          h('thead', {}, h('tr', {}, th('Who'), th('Available', true), th('In escrow', true), th('Spent', true), th('Earned', true), th('Recomputed', true))), this.#accounts, h('tfoot', {}, this.#total)))),
        h('section', { class: 'rows' }, h('h2', {}, 'The log'), h('div', { class: 'panel scroll whole', tabindex: '0', role: 'region', 'aria-label': 'The log' }, h('table', { class: 'log', role: 'table' },
          h('thead', { role: 'rowgroup' }, h('tr', { role: 'row' }, th('No.', true), th('When'), th('What'), th('Who'), th('Entry before'), th('Hash'))), this.#log)), h('div', { class: 'more' }, this.#older))));
    void this.#check();
    void this.#read(0);
  }

  draw(): void {}

  key(key: string): boolean {
    if (key !== 'Escape') return false;
    this.#stage.go('/');
    return true;
  }

  close(): void {
    this.#abort?.abort();
  }

  #say(tone: '' | 'good' | 'warn' | 'bad', head: string, detail: string): void {
    this.#mark.replaceChildren(icon(tone === 'bad' || tone === 'warn' ? 'warn' : tone === 'good' ? 'check' : 'clock', 24));
    attr(this.#panel, 'data-tone', tone || null);
    text(this.#verdict, head);
    text(this.#detail, detail);
  }

  async #check(): Promise<void> {
    this.#abort?.abort();
    const abort = (this.#abort = new AbortController());
    this.#again.disabled = true;
    this.#say('', 'Checking…', 'Reading the log.');
    try {
      const done = await check(abort.signal, (share, n) => text(this.#detail, `${n.toLocaleString('en-GB')} entries read, ${Math.floor(share * 100)} %.`));
      this.#show(done);
    } catch (e) {
      if (!abort.signal.aborted) this.#say('warn', 'The check did not come to its end', `${(e as Error).message || 'The house cannot be reached'}. Nothing can be said.`);
    } finally {
      if (this.#abort === abort) this.#again.disabled = false;
    }
  }

  #show({ audit, chain, ledger, entries, differs }: Checked): void {
    const total = ledger.total();
    const chainGood = chain.problems.length === 0;
    const money1 = !audit.whole || (total === audit.minted && audit.total === audit.minted);
    // A log that was cut at its beginning agrees with nothing, and is not wrong for that: only what there is of it is judged.
    const replayGood = !audit.whole || (audit.agrees && audit.problems.length === 0);
    const good = chainGood && money1 && differs.length === 0 && replayGood;
    const n = (x: number) => x.toLocaleString('en-GB');
    if (!good) this.#say('bad', 'The books do not agree', [...chain.problems, ...audit.problems, ...(differs.length ? [`${differs.length} accounts differ`] : []), ...(money1 ? [] : ['the sum of money has changed'])].slice(0, 3).join('; ') + '.');
    else if (!audit.whole) this.#say('warn', 'What there is agrees', `The log begins at entry ${n(audit.first)}: what came before was put together, so balances cannot be recomputed from it.`);
    else this.#say('good', 'The books agree', `${n(entries)} entries up to number ${n(audit.position)}, ${n(audit.bids)} bids, ${n(audit.accounts.length)} accounts.`);
    this.#checks.replaceChildren(
      tile(chainGood, 'Chain of hashes', chainGood ? `${n(chain.links)} links hold.` + (chain.hashed > 0 ? ` ${n(chain.hashed)} hashes were computed here${chain.hidden > 0 ? `; ${n(chain.hidden)} entries hold something hidden, and are held by the next one’s link` : ''}.` : '') : chain.problems[0]!),
      tile(differs.length === 0, 'Balances', differs.length === 0 ? (audit.whole ? 'Each account comes out as the house keeps it.' : 'Not recomputed: the log is not whole.') : `${differs.length} come out otherwise.`),
      tile(money1, 'Money', money1 ? `${money(audit.minted)} were given out, and ${money(audit.whole ? total : audit.total)} are there.` : `${money(audit.minted)} were given out, but ${money(total)} are there.`),
      tile(replayGood, 'The house’s own replay', !audit.whole ? 'Not possible: the log is not whole.' : audit.agrees ? `Agrees. ${n(audit.lots['open'] ?? 0)} lots open, ${n(audit.lots['sold'] ?? 0)} sold.` : audit.problems[0] ?? 'Does not agree.'));
    this.#balances(audit.accounts, { differs, whole: audit.whole, sums: ledger.accounts });
    attr(this.element, 'data-verdict', !good ? 'differs' : audit.whole ? 'agrees' : 'part');
  }

  #balances(accounts: readonly Balance[], c: { differs: readonly string[]; whole: boolean; sums: ReadonlyMap<string, { available: number; held: Map<string, number>; spent: number; earned: number }> }): void {
    const me = this.#stage.link.pass?.id;
    const sorted = [...accounts].sort((a, b) => Number(b.id === me) - Number(a.id === me) || Number(a.robot) - Number(b.robot) || (a.name < b.name ? -1 : 1));
    this.#accounts.replaceChildren(...sorted.map((b) => {
      const wrong = c.differs.includes(b.id);
      const own = c.sums.get(b.id);
      const recomputed = !c.whole ? 'not possible' : own ? money(own.available + heldOf(own)) : money(0);
      return h('tr', {}, h('td', {}, b.name || b.id, ' ', ...(b.id === me ? [h('span', { class: 'tag', 'data-tone': 'good' }, 'you')] : [])),
        ...[b.available, b.held, b.spent, b.earned].map((x) => h('td', { class: 'num' }, money(x))), h('td', { class: `num ${wrong ? 'bad' : 'good'}` }, `${recomputed} ${wrong ? '≠' : c.whole ? '✓' : ''}`));
    }));
    const sum = (f: (b: Balance) => number) => money(accounts.reduce((n, b) => n + f(b), 0));
    this.#total.replaceChildren(h('td', {}, 'All'), ...[(b: Balance) => b.available, (b: Balance) => b.held, (b: Balance) => b.spent, (b: Balance) => b.earned].map((f) => h('td', { class: 'num' }, sum(f))), h('td', { class: 'num' }, sum((b) => b.available + b.held)));
  }

  async #read(before: number): Promise<void> {
    this.#older.disabled = true;
    try {
      const page = await fetchLog(before, 50, AbortSignal.timeout(20_000));
      const rows = page.entries.map((e) => this.#row(e));
      if (before === 0) this.#log.replaceChildren(...rows);
      else this.#log.append(...rows);
      this.#oldest = page.entries.at(-1)?.position ?? this.#oldest;
      show(this.#older, page.entries.length > 0 && this.#oldest > page.first);
    } catch {
      if (before === 0 && this.#log.childElementCount === 0) this.#log.replaceChildren(h('tr', {}, h('td', { colspan: 6, class: 'none' }, 'The log cannot be read now.')));
    } finally {
      this.#older.disabled = false;
    }
  }

  #row(e: Entry): HTMLElement {
    const short = (hash: string) => h('code', { title: hash }, hash.slice(0, 10));
    const td = (name: string, ...inner: (Node | string)[]) => h('td', { role: 'cell', ...(name ? { class: name } : {}) }, ...inner); // said, since on small screens they are no table to the eye
    return h('tr', { role: 'row' }, td('num', String(e.position)), td('when', moment(e.time)), td('', ...entryWords(e, (id) => this.#stage.link.cards.get(id)?.title)), td('', e.name || e.user || 'the house'), td('', short(e.previous)), td('', short(e.hash)));
  }

  async #selfCheck(b: HTMLButtonElement): Promise<void> {
    b.disabled = true;
    let report: Report;
    try {
      this.#stage.link.ready();
      report = await this.#stage.link.runCheck();
      this.#selfAnswer.replaceChildren(...report.lines.map((line) => h('li', { class: report.ok ? '' : 'bad' }, line)));
      this.#stage.say(report.ok ? 'The self-check passes.' : 'The self-check fails.');
    } catch (e) {
      this.#stage.say(whyWords(e, { card: null, cents: 0, available: null, me: '' }));
    }
    b.disabled = false;
  }
}

function tile(good: boolean, head: string, body: string): HTMLElement {
  return h('div', { class: 'panel check', ...(good ? {} : { 'data-tone': 'bad' }) }, icon(good ? 'check' : 'warn', 22), h('div', {}, h('h3', {}, head), h('p', {}, body)));
}
