// Who one is here: an account of the house, known by a token that this browser keeps.
import { fields, roleOf, type Role, words } from './house.ts';
import { keepSetting, setting } from './settings.ts';

export interface Pass {
  readonly token: string;
  readonly id: string;
  readonly name: string;
  readonly role: Role;
}

/** Why nobody was let in. */
export class LoginError extends Error {
  readonly reason: string;

  constructor(reason: string) {
    super(loginWords(reason));
    this.reason = reason;
  }
}

export function loginWords(reason: string): string {
  switch (reason) {
    case 'auction.bad_name':
      return 'A name has 1 to 40 characters.';
    case 'auction.name_taken':
      return 'Somebody here has that name already. Choose another.';
    case 'auction.bad_key':
      return 'That is not the key that the server has printed.';
    case 'auction.bad_role':
      return 'There is no such role.';
    case 'auction.full':
      return 'The house is full. Try again later.';
    case 'offline':
      return 'The house cannot be reached now. Try again in a moment.';
    default:
      return 'The house did not understand that.';
  }
}

/** Asks for a new account; key makes it the auctioneer's. */
export async function login(name: string, role: Role, key = ''): Promise<Pass> {
  let answer: Response;
  let body: unknown;
  try {
    answer = await fetch('/api/login', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(key ? { name, key } : { name, role }) });
    body = await answer.json();
  } catch {
    throw new LoginError('offline');
  }
  const f = fields(body);
  if (!answer.ok) throw new LoginError(words(f['reason']));
  return readPass(f);
}

function readPass(value: unknown): Pass {
  const f = fields(value);
  const pass = { token: words(f['token']), id: words(f['id']), name: words(f['name']), role: roleOf(f['role']) };
  if (!pass.token || !pass.id || !pass.role) throw new LoginError('');
  return pass;
}

/** The pass that this browser keeps, null if it keeps none. */
export function keptPass(): Pass | null {
  try {
    return readPass(JSON.parse(setting('pass') ?? ''));
  } catch {
    return null;
  }
}

export function keepPass(pass: Pass | null): void {
  keepSetting('pass', pass && JSON.stringify(pass));
}
