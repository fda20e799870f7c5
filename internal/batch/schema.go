package batch

// migrations make the schema, see dbfile.Migrate. One that was released is never
// changed.
//
// States of an item: 0 pending, 1 running, 2 done, 3 failed, 4 sent to a provider's
// Batch API or, without a part, to nodes. Durations are nanoseconds, money US dollars.
var migrations = []string{`
CREATE TABLE batch (
	one       INTEGER PRIMARY KEY CHECK (one = 1),
	spec      TEXT NOT NULL,              -- the Spec, JSON
	ready     INTEGER NOT NULL DEFAULT 0, -- all rows are stored
	cancelled INTEGER NOT NULL DEFAULT 0,
	repeated  INTEGER NOT NULL DEFAULT 0, -- at most so many items were asked twice, because a process ended
	ran       INTEGER NOT NULL DEFAULT 0  -- how long processes ran it
);
CREATE TABLE inputs (
	row    INTEGER PRIMARY KEY,           -- from 1, in the order of the output
	number INTEGER NOT NULL,              -- of the row in the input
	inputs TEXT NOT NULL                  -- JSON
);
CREATE TABLE items (
	id       INTEGER PRIMARY KEY,         -- in the order in which they are run
	row      INTEGER NOT NULL,
	variant  INTEGER NOT NULL,
	repeat   INTEGER NOT NULL,
	state    INTEGER NOT NULL DEFAULT 0,
	attempts INTEGER NOT NULL DEFAULT 0,
	kind     TEXT,                        -- of the error; null: none
	provider TEXT,                        -- who answered
	model    TEXT,
	reason   TEXT,                        -- why another than the first; null: it was the first
	fallback INTEGER NOT NULL DEFAULT 0,
	input    INTEGER NOT NULL DEFAULT 0,  -- tokens of all attempts
	output   INTEGER NOT NULL DEFAULT 0,
	usd      REAL NOT NULL DEFAULT 0,     -- of all attempts, as far as it is known
	saved    REAL NOT NULL DEFAULT 0,
	unpriced INTEGER NOT NULL DEFAULT 0,  -- attempts whose cost is not known
	took     INTEGER NOT NULL DEFAULT 0,
	UNIQUE (row, variant, repeat)
);
CREATE INDEX items_pending ON items (id) WHERE state = 0;
CREATE TABLE results (
	id     INTEGER PRIMARY KEY,           -- of the item
	result TEXT NOT NULL                  -- the runner.Result, JSON
);
`, `
CREATE TABLE scores (
	name    TEXT NOT NULL,                -- of what was scored, and how
	row     INTEGER NOT NULL,
	variant INTEGER NOT NULL,
	repeat  INTEGER NOT NULL,
	score   TEXT NOT NULL,                -- JSON
	usd     REAL NOT NULL DEFAULT 0,      -- what it cost
	PRIMARY KEY (name, row, variant, repeat)
) WITHOUT ROWID;
`, `
CREATE TABLE counts (                 -- of items, and what they came to; see count.go
	state    INTEGER NOT NULL,
	name     TEXT NOT NULL,               -- of those done, the provider; of those failed, the kind of the error
	n        INTEGER NOT NULL DEFAULT 0,
	fallback INTEGER NOT NULL DEFAULT 0,
	input    INTEGER NOT NULL DEFAULT 0,
	output   INTEGER NOT NULL DEFAULT 0,
	usd      REAL NOT NULL DEFAULT 0,
	saved    REAL NOT NULL DEFAULT 0,
	unpriced INTEGER NOT NULL DEFAULT 0,
	took     INTEGER NOT NULL DEFAULT 0,
	PRIMARY KEY (state, name)
) WITHOUT ROWID;
INSERT INTO counts ` + countItems + `;
ALTER TABLE batch ADD COLUMN closed INTEGER NOT NULL DEFAULT 0; -- what its answers were for is done
UPDATE batch SET closed = NOT EXISTS (SELECT 1 FROM items WHERE state IN (0, 1));
`, `
ALTER TABLE batch ADD COLUMN waits   INTEGER NOT NULL DEFAULT 0; -- how often interactive calls went first
ALTER TABLE batch ADD COLUMN waited  INTEGER NOT NULL DEFAULT 0; -- how long
ALTER TABLE batch ADD COLUMN waiting INTEGER NOT NULL DEFAULT 0; -- they do now, if a process runs it
`, `
ALTER TABLE items ADD COLUMN part INTEGER; -- that it was sent with last; null: it was not
CREATE INDEX items_sent ON items (part, row) WHERE state = 4;
CREATE INDEX items_sent_next ON items (part, id) WHERE state = 4;
CREATE TABLE parts (                  -- rows that were sent to a provider's Batch API together
	part     INTEGER PRIMARY KEY,         -- from 1
	key      TEXT NOT NULL,               -- what the provider is to know it by
	endpoint TEXT NOT NULL,
	rows     INTEGER NOT NULL,
	usd      REAL NOT NULL,               -- the most that it can cost; 0: not known
	created  INTEGER NOT NULL,            -- seconds since 1970
	file     TEXT NOT NULL,               -- the provider's ids; empty: not known yet
	job      TEXT NOT NULL,
	status   TEXT NOT NULL,               -- in the provider's word
	answered INTEGER NOT NULL,            -- rows, as the provider tells
	closed   INTEGER NOT NULL             -- what became of all of its rows is stored
);
`, `
DROP INDEX items_pending;
CREATE INDEX items_next ON items (attempts, id) WHERE state = 0;
`, `
ALTER TABLE batch ADD COLUMN mark TEXT NOT NULL DEFAULT ''; -- up to where the results of nodes are stored; see File.Settle
CREATE INDEX items_handed ON items (id) WHERE state = 4 AND part IS NULL;
`, `
ALTER TABLE batch ADD COLUMN asked INTEGER NOT NULL DEFAULT 0; -- most items that are asked and not kept, until the next exchange; 0: not known
ALTER TABLE batch ADD COLUMN away  INTEGER NOT NULL DEFAULT 0; -- no provider answers, if a process runs it
`, `
INSERT INTO counts ` + countPlaces + `;
`}

// The schemas that first have the counts, the waits, the parts, and what is away.
const (
	countsVersion = 3
	waitsVersion  = 4
	partsVersion  = 5
	awayVersion   = 8
)

// countItems are the counts of a file, by its items: the third migration.
const countItems = `SELECT state, CASE state WHEN 2 THEN coalesce(provider, '') WHEN 3 THEN coalesce(kind, '') ELSE '' END AS name,
	count(*) AS n, sum(fallback) AS fallback, sum(input) AS input, sum(output) AS output, sum(usd) AS usd, sum(saved) AS saved, sum(unpriced) AS unpriced, sum(took) AS took
	FROM items GROUP BY 1, 2`

// countPlaces are the lines of the counts that say which hosts and nodes have answered: the
// ninth migration.
const countPlaces = `SELECT 10 AS state, coalesce(provider, '') || '/' || json_extract(result, '$.route.host') AS name,
	count(*) AS n, 0 AS fallback, 0 AS input, 0 AS output, 0 AS usd, 0 AS saved, 0 AS unpriced, 0 AS took
	FROM items JOIN results USING (id) WHERE state = 2 AND json_valid(result) AND json_extract(result, '$.route.host') <> '' GROUP BY 2
	UNION ALL SELECT 11, json_extract(result, '$.node'), count(*), 0, 0, 0, 0, 0, 0, 0
	FROM items JOIN results USING (id) WHERE state = 2 AND json_valid(result) AND json_extract(result, '$.node') <> '' GROUP BY 2`
