package store

import "context"

// sizeSchema keeps the log's size as a sum, and when it was last trimmed. A
// text counts twice where it can be searched for: the index takes about as much.
const sizeSchema = `
CREATE TABLE log_size (
	bytes   INTEGER NOT NULL,
	trimmed INTEGER NOT NULL,  -- when; 0: never
	bounds  TEXT NOT NULL      -- to what, see Keep
);
INSERT INTO log_size SELECT
	(SELECT coalesce(sum(octet_length(record) + 2 * (octet_length(prompt) + octet_length(answer))), 0) FROM calls) +
	(SELECT coalesce(sum(octet_length(text)), 0) FROM pieces WHERE owner = 'call'), 0, '';
CREATE TRIGGER calls_added_size AFTER INSERT ON calls BEGIN
	UPDATE log_size SET bytes = bytes + octet_length(new.record) + 2 * (octet_length(new.prompt) + octet_length(new.answer));
END;
CREATE TRIGGER calls_gone_size AFTER DELETE ON calls BEGIN
	UPDATE log_size SET bytes = bytes - octet_length(old.record) - 2 * (octet_length(old.prompt) + octet_length(old.answer));
END;
CREATE TRIGGER pieces_added_size AFTER INSERT ON pieces WHEN new.owner = 'call' BEGIN
	UPDATE log_size SET bytes = bytes + octet_length(new.text);
END;
CREATE TRIGGER pieces_gone_size AFTER DELETE ON pieces WHEN old.owner = 'call' BEGIN
	UPDATE log_size SET bytes = bytes - octet_length(old.text);
END;
`

// LogSize is about how many bytes the log's runs take in the file. Costs,
// conversations, kept answers and collections are not the log's.
func (s *Store) LogSize(ctx context.Context) (bytes int64, err error) {
	if !s.Exists() {
		return 0, nil
	}
	db, err := s.open(ctx)
	if err != nil {
		return 0, err
	}
	err = db.QueryRowContext(ctx, "SELECT bytes FROM log_size").Scan(&bytes)
	return bytes, s.explain(err)
}
