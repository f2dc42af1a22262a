import type { FlyRecord } from '../../model/record.ts';
import type { Measure } from '../cel/programs.ts';
import { grownInts } from './keep/keeper.ts';

/** A set of key numbers that can be walked quickly; what is removed makes room for the last. */
export type Members = { ids: Int32Array; size: number; place: Int32Array };

export const createMembers = (): Members => ({ ids: new Int32Array(0), size: 0, place: new Int32Array(0) });

export const isMember = ({ place }: Members, id: number): boolean => id < place.length && place[id] !== 0;

export function addMember(members: Members, id: number): void {
  if (isMember(members, id)) return;
  members.ids = grownInts(members.ids, members.size + 1);
  members.place = grownInts(members.place, id + 1);
  members.ids[members.size++] = id;
  members.place[id] = members.size;
}

export function removeMember(members: Members, id: number): void {
  if (!isMember(members, id)) return;
  const at = members.place[id]! - 1;
  const last = members.ids[--members.size]!;
  members.ids[at] = last;
  members.place[last] = at + 1;
  members.place[id] = 0;
}

/**
 * The keys of a selection that some rules look at: those for which the parts of `where` that speak of nothing but the key hold. They are
 * asked once, when a key is opened, and not for every record.
 */
export type View = {
  readonly id: string;
  readonly accepts: readonly Measure[];
  readonly members: Members;
  users: number;
};

export function createView(id: string, accepts: readonly Measure[]): View {
  return { id, accepts, members: createMembers(), users: 0 };
}

/** `record`: any with the key. */
export function offer(view: View, id: number, record: FlyRecord): void {
  if (view.accepts.every((part) => part(record) === true)) addMember(view.members, id);
}
