// What a person has chosen, kept in this browser if it allows that, else until the page is closed.

const memory = new Map<string, string>();

/** Reads a setting; null if there is none. */
export function setting(name: string): string | null {
  const kept = memory.get(name);
  if (kept !== undefined) return kept;
  try {
    return localStorage.getItem('auction.' + name);
  } catch {
    return null;
  }
}

/** Keeps a setting; null takes it away. */
export function keepSetting(name: string, value: string | null): void {
  try {
    if (value === null) localStorage.removeItem('auction.' + name);
    else localStorage.setItem('auction.' + name, value);
    memory.delete(name);
  } catch {
    // forbidden or full
    if (value === null) memory.delete(name);
    else memory.set(name, value);
  }
}
