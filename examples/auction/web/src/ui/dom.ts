// Making elements. Texts of others only ever become text nodes and attributes.

type Props = { readonly [name: string]: string | number | boolean | undefined | ((e: never) => void) };

/** Makes an element; functions are listeners by the name of their event, text is text and never HTML. */
export function h<K extends keyof HTMLElementTagNameMap>(tag: K, props: Props = {}, ...children: (Node | string)[]): HTMLElementTagNameMap[K] {
  return fill(document.createElement(tag), props, children);
}

/** The same for parts of a picture. */
export function s<K extends keyof SVGElementTagNameMap>(tag: K, props: Props = {}, ...children: (Node | string)[]): SVGElementTagNameMap[K] {
  return fill(document.createElementNS('http://www.w3.org/2000/svg', tag), props, children);
}

function fill<E extends Element>(element: E, props: Props, children: (Node | string)[]): E {
  for (const [name, value] of Object.entries(props)) {
    if (typeof value === 'function') element.addEventListener(name, value as (e: Event) => void);
    else if (value === true) element.setAttribute(name, '');
    else if (value !== false && value !== undefined) element.setAttribute(name, String(value));
  }
  element.append(...children);
  return element;
}

/** Changes an element's text, if it is another one: what does not change costs no layout. */
export function text(element: Element, value: string): boolean {
  if (element.textContent === value) return false;
  element.textContent = value;
  return true;
}

/** Sets an attribute, or takes it away. */
export function attr(element: Element, name: string, value: string | null): void {
  if (value === null) element.removeAttribute(name);
  else if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

/** Shows or hides. */
export function show(element: HTMLElement, shown: boolean): void {
  if (element.hidden === shown) element.hidden = !shown;
}

/** Makes the children of parent those that make gives for items, in that order: what has the same key stays the same element. */
export function keyed<T>(parent: Element, items: readonly T[], key: (item: T) => string, make: (item: T) => Element): void {
  const old = new Map<string, Element>();
  for (const child of parent.children) old.set((child as HTMLElement).dataset['key'] ?? '', child);
  let at = parent.firstElementChild;
  for (const item of items) {
    const k = key(item);
    let element = old.get(k);
    if (element) old.delete(k);
    else {
      element = make(item);
      (element as HTMLElement).dataset['key'] = k;
    }
    if (element === at) at = at.nextElementSibling;
    else parent.insertBefore(element, at);
  }
  for (const gone of old.values()) gone.remove();
}

const icons = {
  house: '<path d="M4 10.500L12 4l8 6.500V20H4zM9.5 20v-6h5v6"/>',
  person: '<circle cx="12" cy="8.5" r="3.7"/><path d="M4.8 20c.7-3.8 3.5-5.7 7.2-5.7s6.5 1.9 7.2 5.7"/>',
  sell: '<path d="M4 12.500V4.500h8l8.3 8.3-8 8z"/><circle cx="8.3" cy="8.8" r="1.3"/>',
  audit: '<path d="M12 3.500l7.5 2.800v5.400c0 4.4-3 7.3-7.5 8.8-4.5-1.5-7.5-4.4-7.5-8.800V6.300zM8.7 12l2.4 2.4 4.3-4.6"/>',
  search: '<circle cx="10.8" cy="10.8" r="6.3"/><path d="M15.5 15.500L20 20"/>',
  sun: '<circle cx="12" cy="12" r="4"/><path d="M12 2.500v2.200M12 19.300v2.200M2.5 12h2.200M19.3 12h2.200M5.3 5.300l1.5 1.500M17.2 17.200l1.5 1.500M18.7 5.300l-1.5 1.500M6.8 17.200l-1.5 1.5"/>',
  moon: '<path d="M19.5 14.500A8 8 0 0 1 9.5 4.500a8 8 0 1 0 10 10z"/>',
  keys: '<rect x="3" y="6" width="18" height="12" rx="2.5"/><path d="M7 10h.01M10.5 10h.01M14 10h.01M17.2 10h.01M8 14.200h8"/>',
  close: '<path d="M6.5 6.500l11 11M17.5 6.500l-11 11"/>',
  check: '<path d="M5 12.500l4.5 4.500L19 7.5"/>',
  warn: '<path d="M12 4.500l8.5 15h-17zM12 10v4.500M12 17.200v.01"/>',
  back: '<path d="M14.5 5.500L8 12l6.5 6.5"/>',
  clock: '<circle cx="12" cy="12" r="8.2"/><path d="M12 7.300V12l3.2 2"/>',
  link: '<path d="M10 13.800a4 4 0 0 0 5.9.4l3-3a4 4 0 0 0-5.7-5.700l-1.4 1.400M14 10.200a4 4 0 0 0-5.9-.4l-3 3a4 4 0 0 0 5.7 5.700l1.4-1.4"/>',
  gavel: '<path d="M13.2 4.600l6.2 6.200M10.6 7.200l6.2 6.200M11.9 5.900L8 9.800l6.2 6.2 3.9-3.900M10.8 13.200L4.2 19.800M13 20h7"/>',
  leave: '<path d="M14 4.500H6v15h8M10.5 12H20M16.5 8.500L20 12l-3.5 3.5"/>',
} as const;

export type Icon = keyof typeof icons;

/** An icon; its drawing is one of the page's own. */
export function icon(name: Icon, size = 20): SVGSVGElement {
  const box = document.createElement('template');
  box.innerHTML = `<svg viewBox="0 0 24 24" width="${size}" height="${size}" fill="none" stroke="currentColor" stroke-width="1.7" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">${icons[name]}</svg>`;
  return box.content.firstElementChild as SVGSVGElement;
}

/** A button that shows an icon and says its name, with its key if it has one. */
export function iconButton(name: Icon, label: string, click: () => void, key = ''): HTMLButtonElement {
  return h('button', { type: 'button', class: 'icon', 'aria-label': label, title: key ? `${label}  (${key})` : label, click }, icon(name));
}
