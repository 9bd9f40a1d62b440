-- What the list asks of each membership, in the index itself: one row fewer to find for each conversation of a user.
-- Nothing that a message changes is in it, so that appending does not write to it.
DROP INDEX members_by_user;
CREATE INDEX members_by_user ON members (user, joined, hidden_seq);
