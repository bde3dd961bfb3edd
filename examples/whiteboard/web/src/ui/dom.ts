// Making elements.

type Props = { readonly [name: string]: string | number | boolean | undefined | ((e: never) => void) };

/** Makes an element; functions are listeners by the name of their event, text is text and never HTML. */
export function h<K extends keyof HTMLElementTagNameMap>(tag: K, props: Props = {}, ...children: (Node | string)[]): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (typeof value === 'function') element.addEventListener(name, value as (e: Event) => void);
    else if (value === true) element.setAttribute(name, '');
    else if (value !== false && value !== undefined) element.setAttribute(name, String(value));
  }
  element.append(...children);
  return element;
}

const icons = {
  hand: '<path d="M8 12.5V6.2a1.6 1.6 0 0 1 3.2 0v5M11.2 11V4.6a1.6 1.6 0 0 1 3.2 0V11M14.4 11V6a1.6 1.6 0 0 1 3.2 0v8.2c0 3.6-2.4 6-5.8 6-2.6 0-4.2-1-5.6-3.2L3.9 13.3c-.9-1.5 1.1-3 2.3-1.7L8 13.6"/>',
  select: '<path d="M5.5 3.5l13 7.6-6 1.4-3.2 5.4z"/>',
  pen: '<path d="M4 20l1.2-4.6L16.6 4a1.9 1.9 0 0 1 2.7 0l.7.7a1.9 1.9 0 0 1 0 2.7L8.6 18.8zM14.5 6.1l3.4 3.4"/>',
  line: '<path d="M5 19L19 5"/>',
  rect: '<rect x="4" y="5.5" width="16" height="13" rx="2"/>',
  ellipse: '<ellipse cx="12" cy="12" rx="8.5" ry="7"/>',
  text: '<path d="M5 7V5h14v2M12 5v14M9 19h6"/>',
  note: '<path d="M5 4h14v10l-5.5 6H5zM19 14h-5.5v6"/>',
  vote: '<path d="M5 4h14v8.500M5 4v16h6.5"/><circle cx="16.5" cy="17" r="4" fill="currentColor"/>',
  undo: '<path d="M8.5 5L4 9.5 8.5 14M4.5 9.5H14a5.5 5.5 0 0 1 0 11h-3"/>',
  redo: '<path d="M15.5 5L20 9.5 15.5 14M19.5 9.5H10a5.5 5.5 0 0 0 0 11h3"/>',
  plus: '<path d="M12 6v12M6 12h12"/>',
  minus: '<path d="M6 12h12"/>',
  fit: '<path d="M4 9V5.5A1.5 1.5 0 0 1 5.5 4H9M15 4h3.5A1.5 1.5 0 0 1 20 5.5V9M20 15v3.5a1.5 1.5 0 0 1-1.5 1.5H15M9 20H5.5A1.5 1.5 0 0 1 4 18.5V15"/>',
  link: '<path d="M10 13.8a4 4 0 0 0 5.9.4l3-3a4 4 0 0 0-5.7-5.7l-1.4 1.4M14 10.2a4 4 0 0 0-5.9-.4l-3 3a4 4 0 0 0 5.7 5.7l1.4-1.4"/>',
  more: '<circle cx="5.5" cy="12" r="1.2" fill="currentColor"/><circle cx="12" cy="12" r="1.2" fill="currentColor"/><circle cx="18.5" cy="12" r="1.2" fill="currentColor"/>',
  down: '<path d="M7 10l5 5 5-5"/>',
  trash: '<path d="M4.5 7h15M9.5 7V4.5h5V7M6.5 7l.8 12.5h9.4L17.5 7M10.3 11v5M13.7 11v5"/>',
  copy: '<rect x="8.5" y="8.5" width="11.5" height="11.5" rx="2"/><path d="M15.5 8.5V6a2 2 0 0 0-2-2H6a2 2 0 0 0-2 2v7.5a2 2 0 0 0 2 2h2.5"/>',
  front: '<path d="M5 4.5h14M12 20V9M7.5 13L12 8.5l4.5 4.5"/>',
  back: '<path d="M5 19.5h14M12 4v11M7.5 11L12 15.5l4.5-4.5"/>',
  picture: '<path d="M12 4v11M7.5 10.800L12 15.300l4.5-4.5M4.5 19.5h15"/>',
  sun: '<circle cx="12" cy="12" r="4"/><path d="M12 2.5v2.200M12 19.300v2.200M2.5 12h2.200M19.3 12h2.200M5.3 5.300l1.5 1.5M17.2 17.200l1.5 1.5M18.7 5.300l-1.5 1.5M6.8 17.200l-1.5 1.5"/>',
  moon: '<path d="M19.5 14.5A8 8 0 0 1 9.5 4.5a8 8 0 1 0 10 10z"/>',
  keys: '<rect x="3" y="6" width="18" height="12" rx="2.5"/><path d="M7 10h.01M10.5 10h.01M14 10h.01M17.2 10h.01M8 14.200h8"/>',
  check: '<path d="M5 12.5l4.5 4.5L19 7.5"/>',
  close: '<path d="M6.5 6.5l11 11M17.5 6.5l-11 11"/>',
  person: '<circle cx="12" cy="8.5" r="3.7"/><path d="M4.8 20c.7-3.8 3.5-5.7 7.2-5.700s6.5 1.9 7.2 5.7"/>',
  chart: '<path d="M5 20V11M12 20V4M19 20v-6"/>',
  inbox: '<path d="M4 13.500l2.6-8h10.800l2.6 8V19H4zM4 13.500h4.500a3.5 3.5 0 0 0 7 0H20"/>',
  cloud: '<path d="M7.2 18.500a4.2 4.2 0 0 1-.4-8.380 5.6 5.6 0 0 1 10.8 1.080A3.7 3.7 0 0 1 17 18.500z"/>',
  cloudOff: '<path d="M9.3 6.400a5.6 5.6 0 0 1 8.3 4.8 3.7 3.7 0 0 1 1.9 6.400M16 18.500H7.200a4.2 4.2 0 0 1-.4-8.380M4 4l16 16"/>',
  cloudWait: '<path d="M7.2 18.500a4.2 4.2 0 0 1-.4-8.380 5.6 5.6 0 0 1 10.8 1.080A3.7 3.7 0 0 1 17 18.500z"/><path d="M12 16.200v-4.700M9.9 13.400L12 11.300l2.1 2.1"/>',
  cloudDone: '<path d="M7.2 18.500a4.2 4.2 0 0 1-.4-8.380 5.6 5.6 0 0 1 10.8 1.080A3.7 3.7 0 0 1 17 18.500z"/><path d="M9.6 13.800l1.8 1.8 3.2-3.4"/>',
  device: '<rect x="4" y="5" width="16" height="11" rx="1.8"/><path d="M2.5 19.500h19"/>',
  fresh: '<path d="M19.5 12a7.5 7.5 0 1 1-2.4-5.500M19.5 3.500v4.200h-4.2"/>',
  install: '<rect x="6" y="3" width="12" height="18" rx="2.5"/><path d="M12 7.500v6.500M9.3 11.500L12 14.200l2.7-2.700M10.5 18h3"/>',
  knot: '<g stroke-width="2.3"><circle cx="12" cy="8.2" r="4.6"/><circle cx="8.4" cy="14.4" r="4.6"/><circle cx="15.6" cy="14.4" r="4.6"/></g>',
} as const;

export type Icon = keyof typeof icons;

export function icon(name: Icon): SVGSVGElement {
  const box = document.createElement('template');
  box.innerHTML = `<svg viewBox="0 0 24 24" width="20" height="20" fill="none" stroke="currentColor" stroke-width="1.7" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">${icons[name]}</svg>`;
  return box.content.firstElementChild as SVGSVGElement;
}

/** A button that shows an icon and says its name, with its key if it has one. */
export function button(name: Icon, label: string, click: () => void, key = ''): HTMLButtonElement {
  return h('button', { type: 'button', class: 'icon', 'aria-label': label, title: key ? `${label}  (${key})` : label, click }, icon(name));
}

/** Copies text; plain HTTP has no clipboard interface. */
export async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const focused = document.activeElement as HTMLElement | null;
    const field = h('textarea', { class: 'offscreen', readonly: true, 'aria-hidden': 'true' });
    field.value = text;
    document.body.append(field);
    field.select();
    const done = document.execCommand('copy');
    field.remove();
    focused?.focus();
    return done;
  }
}
