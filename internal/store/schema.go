package store

// migrations make the schema: the n-th brings a file from version n to n+1.
// One that was released is never changed.
//
// Times are milliseconds since 1970, durations nanoseconds, money billionths
// of a US dollar.
var migrations = [...]string{
	`
CREATE TABLE runs (
	id      TEXT PRIMARY KEY,
	began   INTEGER NOT NULL,
	command TEXT NOT NULL,     -- ask, run, …; empty: a call of the library
	chain   TEXT NOT NULL,
	file    TEXT NOT NULL,     -- the chain's, absolute
	sha256  TEXT NOT NULL,     -- of that file's text
	tandem  TEXT NOT NULL      -- version
);
CREATE INDEX runs_began ON runs (began);
CREATE TABLE calls (
	id       INTEGER PRIMARY KEY,
	run      TEXT NOT NULL,
	step     TEXT NOT NULL,
	idx      INTEGER NOT NULL,
	began    INTEGER NOT NULL,
	took     INTEGER NOT NULL,
	provider TEXT NOT NULL,    -- who answered; empty: nobody
	model    TEXT NOT NULL,
	finish   TEXT NOT NULL,    -- empty: no whole answer
	kind     TEXT NOT NULL,    -- of the error; empty: none
	prompt   TEXT NOT NULL,    -- the messages' text, for search; empty with log: meta
	answer   TEXT NOT NULL,
	record   TEXT NOT NULL     -- the Call, JSON
);
CREATE INDEX calls_run ON calls (run);
CREATE VIRTUAL TABLE texts USING fts5 (prompt, answer, content='calls', content_rowid='id', tokenize='unicode61 remove_diacritics 2');
CREATE TRIGGER calls_added AFTER INSERT ON calls BEGIN
	INSERT INTO texts (rowid, prompt, answer) VALUES (new.id, new.prompt, new.answer);
END;
CREATE TRIGGER calls_gone AFTER DELETE ON calls BEGIN
	INSERT INTO texts (texts, rowid, prompt, answer) VALUES ('delete', old.id, old.prompt, old.answer);
END;
CREATE TABLE ledger (
	id       INTEGER PRIMARY KEY,
	run      TEXT NOT NULL,
	began    INTEGER NOT NULL,
	provider TEXT NOT NULL,
	model    TEXT NOT NULL,
	usd      INTEGER,          -- null: not known
	at_most  INTEGER,          -- what it may have cost where usd is null
	saved    INTEGER,
	basis    TEXT NOT NULL,
	input    INTEGER,          -- tokens; null: not told
	cached   INTEGER,
	output   INTEGER,
	expires  INTEGER,          -- of a reservation; null: settled
	pid      INTEGER NOT NULL
);
CREATE INDEX ledger_began ON ledger (began);
CREATE INDEX ledger_run ON ledger (run);
CREATE TABLE cache (
	key   BLOB PRIMARY KEY,
	value BLOB NOT NULL,
	size  INTEGER NOT NULL,
	put   INTEGER NOT NULL,
	used  INTEGER NOT NULL
);
CREATE INDEX cache_used ON cache (used);
`,
	collectionsSchema,
	chatsSchema,
	piecesSchema,
	bookSchema,
	sumsSchema,
	sizeSchema,
	callersSchema,
}

// chatsSchema has conversations.
const chatsSchema = `
CREATE TABLE chats (
	id       TEXT PRIMARY KEY,
	created  INTEGER NOT NULL,
	updated  INTEGER NOT NULL,
	title    TEXT NOT NULL,
	privacy  TEXT NOT NULL,    -- local, or empty; never loosened
	record   TEXT NOT NULL     -- the rest of the Chat, JSON
);
CREATE INDEX chats_updated ON chats (updated);
CREATE TABLE said (
	id       INTEGER PRIMARY KEY,
	chat     TEXT NOT NULL,
	turn     INTEGER NOT NULL, -- from 0
	role     TEXT NOT NULL,
	text     TEXT NOT NULL,
	record   TEXT NOT NULL,    -- the rest of the Said, JSON
	UNIQUE (chat, turn, role)
);
CREATE VIRTUAL TABLE said_texts USING fts5 (text, content='said', content_rowid='id', tokenize='unicode61 remove_diacritics 2');
CREATE TRIGGER said_added AFTER INSERT ON said BEGIN
	INSERT INTO said_texts (rowid, text) VALUES (new.id, new.text);
END;
CREATE TRIGGER said_gone AFTER DELETE ON said BEGIN
	INSERT INTO said_texts (said_texts, rowid, text) VALUES ('delete', old.id, old.text);
END;
`
