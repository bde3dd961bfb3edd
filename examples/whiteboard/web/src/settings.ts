// What a person has chosen, kept in this browser if it allows that.

/** Reads a setting; null if there is none or storage is forbidden. */
export function setting(name: string): string | null {
  try {
    return localStorage.getItem('whiteboard.' + name);
  } catch {
    return null;
  }
}

/** Keeps a setting, if it can. */
export function keepSetting(name: string, value: string): void {
  try {
    localStorage.setItem('whiteboard.' + name, value);
  } catch {
    // forbidden or full: it holds until the page is closed
  }
}

const first = ['Amber', 'Blue', 'Calm', 'Clever', 'Coral', 'Golden', 'Green', 'Happy', 'Quick', 'Quiet', 'Silver', 'Sunny'];
const second = ['Badger', 'Crane', 'Dolphin', 'Finch', 'Fox', 'Hare', 'Heron', 'Lynx', 'Otter', 'Owl', 'Robin', 'Seal'];

/** A name for somebody who has not chosen one. */
export function anyName(): string {
  const any = (list: readonly string[]) => list[Math.floor(Math.random() * list.length)]!;
  return `${any(first)} ${any(second)}`;
}
