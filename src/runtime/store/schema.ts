import { bigint, boolean, customType, doublePrecision, json, pgTable, primaryKey, text } from 'drizzle-orm/pg-core';
import type { OverrideMode, OverrideScope } from '../../model/override.ts';
import type { Table } from '../../model/table.ts';
import type { AuditKind } from '../../ports/store.ts';

/** migrations/ as drizzle sees it: the SQL there is what counts, this must agree with it. Numbers of ours stay below 2^53. */

const bytea = customType<{ data: Uint8Array; driverData: Buffer }>({
  dataType: () => 'bytea',
  toDriver: (bytes) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength),
  // A copy of its own: the driver's buffer is a window on what came from the network.
  fromDriver: (buffer) => new Uint8Array(buffer),
});

export const leader = pgTable('leader', {
  one: boolean().primaryKey(),
  holder: text().notNull(),
  epoch: bigint({ mode: 'number' }).notNull(),
  beat: bigint({ mode: 'number' }).notNull(),
});

export const rule = pgTable(
  'rule',
  {
    name: text().notNull(),
    revision: bigint({ mode: 'number' }).notNull(),
    text: text(),
    author: text().notNull(),
    reason: text().notNull(),
    at: doublePrecision().notNull(),
  },
  (table) => [primaryKey({ columns: [table.name, table.revision] })],
);

export const target = pgTable('target', {
  name: text().primaryKey(),
  revision: bigint({ mode: 'number' }).notNull(),
  hash: text().notNull(),
  epoch: bigint({ mode: 'number' }).notNull(),
  enrolled: boolean().notNull(),
});

export const revision = pgTable(
  'revision',
  {
    target: text().notNull(),
    revision: bigint({ mode: 'number' }).notNull(),
    epoch: bigint({ mode: 'number' }).notNull(),
    table: bigint({ mode: 'number' }).notNull(),
    base: bigint({ mode: 'number' }).notNull(),
    baseHash: text('base_hash').notNull(),
    hash: text().notNull(),
    entries: json().$type<Table>().notNull(),
    bytes: bytea().notNull(),
    keyId: text('key_id').notNull(),
    signature: text().notNull(),
    at: doublePrecision().notNull(),
  },
  (table) => [primaryKey({ columns: [table.target, table.revision] })],
);

export const outbox = pgTable('outbox', {
  id: bigint({ mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
  target: text().notNull(),
  revision: bigint({ mode: 'number' }).notNull(),
  sent: boolean().notNull().default(false),
});

export const override = pgTable('override', {
  id: text().primaryKey(),
  scope: json().$type<OverrideScope>().notNull(),
  mode: text().$type<OverrideMode>().notNull(),
  by: text().notNull(),
  reason: text().notNull(),
  at: doublePrecision().notNull(),
  until: doublePrecision().notNull(),
  lifted: doublePrecision(),
});

export const audit = pgTable('audit', {
  id: bigint({ mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
  at: doublePrecision().notNull(),
  kind: text().$type<AuditKind>().notNull(),
  target: text(),
  rule: text(),
  revision: bigint({ mode: 'number' }),
  key: text(),
  entries: text().array().notNull(),
  body: json().$type<Readonly<Record<string, unknown>>>().notNull(),
});
