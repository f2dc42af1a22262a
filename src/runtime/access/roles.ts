/** What a token is for. `operator` changes no rules and `author` stops nothing: whoever needs both holds two tokens, or is `admin`. */
export type Role = 'viewer' | 'author' | 'operator' | 'admin';

export const roles: readonly Role[] = ['viewer', 'author', 'operator', 'admin'];

/** The roles whose routes each role may use. */
const holds: Readonly<Record<Role, readonly Role[]>> = {
  viewer: ['viewer'],
  author: ['viewer', 'author'],
  operator: ['viewer', 'operator'],
  admin: ['viewer', 'author', 'operator', 'admin'],
};

export const mayUse = (role: Role, needed: Role): boolean => holds[role].includes(needed);

export const isRole = (value: unknown): value is Role => roles.some((role) => role === value);
