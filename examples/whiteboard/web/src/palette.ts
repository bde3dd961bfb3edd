// Colours of shapes and of people, for both themes.
import type { Ink } from './model.ts';

export type Theme = 'light' | 'dark';

interface Tones {
  /** Lines and text. */
  readonly line: string;
  /** The paper of a note. */
  readonly paper: string;
  /** Text on that paper. */
  readonly onPaper: string;
}

const light: Record<Ink, Tones> = {
  ink: { line: '#23262f', paper: '#fdf3c4', onPaper: '#3a3523' },
  grey: { line: '#8a8f9c', paper: '#eceae4', onPaper: '#3b3b38' },
  red: { line: '#d64545', paper: '#fbdcd8', onPaper: '#4d2723' },
  orange: { line: '#e07b1a', paper: '#fde4c5', onPaper: '#4b3419' },
  green: { line: '#3c9a50', paper: '#d8efd6', onPaper: '#233d27' },
  teal: { line: '#0f8a8a', paper: '#cfeeec', onPaper: '#1b3d3c' },
  blue: { line: '#2f6fdb', paper: '#d6e6fc', onPaper: '#1f3455' },
  violet: { line: '#8250d0', paper: '#e8dffa', onPaper: '#35274f' },
};

const dark: Record<Ink, Tones> = {
  ink: { line: '#ecebe6', paper: '#5b5127', onPaper: '#fbf4d6' },
  grey: { line: '#8f95a3', paper: '#3c3f46', onPaper: '#e9e9e6' },
  red: { line: '#f2777a', paper: '#653434', onPaper: '#fde6e3' },
  orange: { line: '#f2a154', paper: '#66441f', onPaper: '#fdeedb' },
  green: { line: '#73c985', paper: '#2c5236', onPaper: '#e2f5e2' },
  teal: { line: '#4cc9c4', paper: '#1f5454', onPaper: '#dcf5f3' },
  blue: { line: '#78a9f9', paper: '#2b4673', onPaper: '#e2edfd' },
  violet: { line: '#b795f2', paper: '#493670', onPaper: '#efe8fc' },
};

export function tones(theme: Theme, ink: Ink): Tones {
  return (theme === 'dark' ? dark : light)[ink];
}

/** What lies under the shapes, and the slips of paper on notes. */
export function ground(theme: Theme): { readonly paper: string; readonly dots: string; readonly accent: string; readonly glow: string; readonly slip: string; readonly edge: string; readonly onSlip: string } {
  return theme === 'dark'
    ? { paper: '#15171c', dots: '#2a2e37', accent: '#4cc9c4', glow: 'rgba(76, 201, 196, 0.14)', slip: '#e9e7e0', edge: 'rgba(0, 0, 0, 0.35)', onSlip: '#23262f' }
    : { paper: '#fbfaf7', dots: '#dedcd5', accent: '#0f8a8a', glow: 'rgba(15, 138, 138, 0.10)', slip: '#ffffff', edge: 'rgba(60, 50, 30, 0.16)', onSlip: '#3a3a36' };
}

/** Dark enough for white letters on either theme. */
const personal = ['#0f7f8a', '#b8471f', '#6a45c2', '#2f7a3d', '#b3306e', '#2d62c4', '#8a6a00', '#7a3f9c', '#a83a3a', '#3f6572'];

/** The colour of a person, from what identifies them: the same on every screen. */
export function personColor(id: string): string {
  let n = 0;
  for (let i = 0; i < id.length; i++) n = (n * 31 + id.charCodeAt(i)) >>> 0;
  return personal[n % personal.length]!;
}
