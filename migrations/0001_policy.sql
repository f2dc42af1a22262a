-- The record of policy (protocol.md section 4): rules, table revisions, outbox, audit. Everything that was ever decided stays; what may
-- change is who leads, what each target is at, and whether an outbox row was sent.
-- Times are ms since the epoch, UTC, with a fraction, exactly as the engine saw them: to_timestamp(at / 1000) reads them for a person.
-- JSON is kept as `json`, not `jsonb`: the bytes stay as written (they are hashed and signed), and \u0000 is a character like any other.

create function refuse_change() returns trigger language plpgsql as $$
begin
  raise exception '% is append-only: % refused', tg_table_name, lower(tg_op) using errcode = 'restrict_violation';
end $$;

-- One row: who leads, in which term. A commit holds it FOR SHARE, so nobody takes over between its check and its end.
create table leader (
  one boolean primary key default true check (one),
  holder text not null,
  epoch bigint not null check (epoch >= 0),
  beat bigint not null default 0
);
-- Epoch 0 is nobody's: an epoch is at least the present time in ms.
insert into leader (holder, epoch) values ('', 0);

create table rule (
  name text not null check (name <> ''),
  revision bigint not null check (revision >= 1),
  -- null: the revision that removed the rule.
  text text,
  author text not null,
  reason text not null,
  at double precision not null,
  primary key (name, revision)
);

create table target (
  name text primary key check (name ~ '^[a-z0-9-]{1,63}$'),
  -- The newest row of `revision`; 0: enrolled, nothing committed yet. Locked by each commit, so revisions are dense.
  revision bigint not null default 0 check (revision >= 0),
  hash text not null,
  epoch bigint not null default 0,
  stage text not null default 'enforce' check (stage in ('shadow', 'canary', 'enforce')),
  -- Entries that the target refused, until its capabilities change (protocol.md section 5.6).
  quarantine json not null default '[]',
  enrolled boolean not null default true
);

-- No foreign key to target: a commit would lock the row it is about to change a second time, and rows of a target outlive it.
create table revision (
  target text not null,
  revision bigint not null check (revision >= 1),
  epoch bigint not null,
  -- Number of the global table that it renders.
  "table" bigint not null,
  base bigint not null check (base = revision - 1),
  base_hash text not null,
  hash text not null,
  -- The whole table after it: snapshots and history need no replay of diffs.
  entries json not null,
  -- What goes out, byte for byte, however often.
  bytes bytea not null,
  key_id text not null,
  signature text not null,
  at double precision not null,
  primary key (target, revision)
);
-- The greatest table number is read at each start.
create index revision_table on revision ("table");

create table outbox (
  id bigint generated always as identity primary key,
  target text not null,
  revision bigint not null,
  sent boolean not null default false,
  foreign key (target, revision) references revision (target, revision)
);
-- What is still to be sent is a handful among all that ever was.
create index outbox_unsent on outbox (id) where not sent;

create table override (
  id text primary key,
  scope json not null,
  mode text not null check (mode in ('freeze', 'revert', 'off')),
  by text not null,
  reason text not null,
  at double precision not null,
  until double precision not null,
  lifted double precision
);

create table audit (
  id bigint generated always as identity primary key,
  at double precision not null,
  kind text not null,
  target text,
  rule text,
  revision bigint,
  key text,
  -- Ids of the entries it is about.
  entries text[] not null default '{}',
  body json not null check (octet_length(body::text) <= 65536)
);
-- `why` asks by entry; the others by rule, target and kind, newest first.
create index audit_entries on audit using gin (entries) with (fastupdate = off);
create index audit_rule on audit (rule, id) where rule is not null;
create index audit_target on audit (target, id) where target is not null;
create index audit_kind on audit (kind, id);

-- Ids are the total order. Taken before the identity's nextval (a statement trigger fires before any row exists), the lock makes them appear
-- in that order too: who has read up to an id never finds a smaller one later.
create function audit_in_order() returns trigger language plpgsql as $$
begin
  perform pg_advisory_xact_lock(hashtext('flyball.audit'));
  return null;
end $$;
create trigger audit_in_order before insert on audit for each statement execute function audit_in_order();

create trigger append_only before update or delete or truncate on rule for each statement execute function refuse_change();
create trigger append_only before update or delete or truncate on revision for each statement execute function refuse_change();
create trigger append_only before update or delete or truncate on audit for each statement execute function refuse_change();
create trigger append_only before delete or truncate on outbox for each statement execute function refuse_change();
-- Sent once is sent: an update may only turn `sent` on.
create trigger sent_only before update on outbox for each row
  when ((new.id, new.target, new.revision) is distinct from (old.id, old.target, old.revision) or (old.sent and not new.sent))
  execute function refuse_change();
create trigger one_row before delete or truncate on leader for each statement execute function refuse_change();
