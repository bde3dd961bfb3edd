// Money: whole cents in integers, read strictly and never through a float.

/** The largest sum that a person may type, in cents: a thousand million. What the house accepts besides is the server's to say. */
export const mostCents = 100_000_000_000;

/** Why a text is no sum. */
export type MoneyFault = 'empty' | 'not_a_number' | 'negative' | 'zero' | 'fractions' | 'too_large';

export type MoneyResult = { readonly cents: number } | { readonly fault: MoneyFault };

const digits = /^(?:\d+|\d{1,3}(?:[ ,'\u00a0\u2009\u202f]\d{3})+)(?:\.(\d*))?$/;

/** Reads a positive sum such as 1250, 1,250.5 or 1 250.50. Exponents, signs, hexadecimal and anything else that a float would swallow are refused. */
export function parseMoney(text: string): MoneyResult {
  let s = text.trim().replace(/^(?:€|EUR)\s*|\s*(?:€|EUR)$/gi, '');
  if (s === '') return { fault: 'empty' };
  if (/^[-\u2212]\s*[\d.,]+$/.test(s)) return { fault: 'negative' };
  if (s.startsWith('.')) s = '0' + s;
  const match = digits.exec(s);
  if (!match) return { fault: 'not_a_number' };
  const fraction = match[1] ?? '';
  if (fraction.length > 2) return { fault: 'fractions' };
  const whole = s.split('.')[0]!.replace(/\D/g, '').replace(/^0+(?=\d)/, '');
  if (whole.length > 15) return { fault: 'too_large' };
  const cents = Number(whole + fraction.padEnd(2, '0')); // an integer of at most 17 digits, checked before it is used
  if (cents > mostCents) return { fault: 'too_large' };
  if (cents === 0) return { fault: 'zero' };
  return { cents };
}

const faults: { readonly [fault in MoneyFault]: string } = {
  empty: 'Enter an amount.',
  not_a_number: 'That is not an amount. Use digits, such as 1250 or 1250.50.',
  negative: 'An amount is more than zero.',
  zero: 'An amount is more than zero.',
  fractions: 'Amounts have two decimals at most.',
  too_large: 'That is more than anything here may cost.',
};

/** What to tell the person. */
export function faultWords(fault: MoneyFault): string {
  return faults[fault];
}

/** The sum without its currency: 1,250 or 1,250.50. Whole sums have no decimals unless asked for. */
export function plainMoney(cents: number, decimals = cents % 100 !== 0): string {
  const n = Math.abs(cents);
  const whole = Math.trunc(n / 100);
  const grouped = String(whole).replace(/\B(?=(\d{3})+$)/g, ',');
  const rest = decimals ? '.' + String(n % 100).padStart(2, '0') : '';
  return (cents < 0 ? '\u2212' : '') + grouped + rest;
}

/** The sum as it is shown: €1,250.50. */
export function money(cents: number): string {
  const text = plainMoney(cents);
  return text.startsWith('\u2212') ? '\u2212€' + text.slice(1) : '€' + text;
}

/** A short form for axes: €950, €12.5k, €3.4M; exact enough to tell sums apart that are step apart. */
export function shortMoney(cents: number, step: number): string {
  const [unit, name] = cents >= 100_000_000_000 ? [1e11, 'B'] : cents >= 100_000_000 ? [1e8, 'M'] : cents >= 1_000_000 ? [1e5, 'k'] : [0, ''];
  const decimals = unit === 0 ? Infinity : Math.max(0, Math.ceil(Math.log10(unit / Math.max(step, 1)) - 1e-9));
  return decimals > 3 ? money(cents) : `€${Number((cents / unit).toFixed(decimals))}${name}`;
}

/** What a field is filled with: 1250 or 1250.50. */
export function fieldMoney(cents: number): string {
  return plainMoney(cents).replaceAll(',', '');
}
