-- Who sent the newest message has read all of it: no row of theirs need say so, until somebody else sends. A message after
-- one of the same sender then writes one row and one page fewer.
ALTER TABLE conversations ADD COLUMN last_sender INTEGER;
