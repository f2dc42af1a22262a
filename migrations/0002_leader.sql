-- Several engines on one database (protocol.md sections 4 and 7).

-- Where the holder's API is, so that the others can say who leads.
alter table leader add column address text not null default '';
-- The epoch in which a person accepted this history over a newer one that a restore had lost: what was signed in epochs below counts no more.
alter table leader add column adopted bigint not null default 0 check (adopted >= 0);

-- A target that is brought back after a restore goes on above everything that it has seen: its revisions then leave a gap.
alter table revision drop constraint revision_check;
alter table revision add constraint revision_follows_base check (base < revision);
