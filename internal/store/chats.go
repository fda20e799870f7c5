package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"modernc.org/sqlite"

	"github.com/tandem-llm/tandem/internal/redact"
	"github.com/tandem-llm/tandem/provider"
)

// Chat is one conversation as it is kept. It is what `tandem chats show --json`
// prints; fields are only ever added.
type Chat struct {
	ID      string    `json:"id"`
	Title   string    `json:"title"`
	Created time.Time `json:"created"`
	Updated time.Time `json:"updated"`
	// Privacy is provider.PrivacyLocal once the conversation was to stay on this
	// machine. Nothing that is written later loosens it.
	Privacy  provider.Privacy `json:"privacy,omitempty"`
	System   string           `json:"system,omitempty"`
	Settings provider.Request `json:"settings"` // what was set for this conversation; no messages
	Memory   Memory           `json:"memory"`
	Gist     *Gist            `json:"gist,omitempty"` // a summary of what is left out
	Messages []Said           `json:"messages"`
	// Tools are those that the model may call, SERVER/TOOL or SERVER/*, and
	// Collection is where passages are looked up for each message.
	Tools      []string `json:"tools,omitempty"`
	Collection string   `json:"collection,omitempty"`
}

// Memory is how much of a conversation is sent.
type Memory struct {
	Turns   int  `json:"turns,omitempty"`  // at most; 0: as many as fit
	Tokens  int  `json:"tokens,omitempty"` // at most; 0: as many as the window holds
	Summary bool `json:"summary"`          // what is left out is summarised
}

// Gist is a summary of the first Turns turns.
type Gist struct {
	Text  string `json:"text"`
	Turns int    `json:"turns"`
}

// Said is one message of a conversation. A turn has a user message, and then an
// assistant message unless nothing was answered.
type Said struct {
	Turn     int             `json:"turn"` // from 0
	Role     provider.Role   `json:"role"`
	Text     string          `json:"text,omitempty"`
	At       time.Time       `json:"at"`
	Thinking string          `json:"thinking,omitempty"`
	Finish   provider.Finish `json:"finish,omitempty"` // of an answer; empty: it broke off
	// Broken is why an answer is not whole: a provider.Kind, interrupted or error.
	Broken string          `json:"broken,omitempty"`
	Usage  *provider.Usage `json:"usage,omitempty"`
	Route  *provider.Route `json:"route,omitempty"`
	// Attached is what went with a user message.
	Attached []Attachment `json:"attached,omitempty"`
}

// The kinds of attachments.
const (
	AttachedFile     = "file"
	AttachedImage    = "image"
	AttachedPassages = "passages" // of a collection
)

// Attachment is something that went with a message. The texts of attachments are
// the beginning of the message's Text, in their order. The data of an image is not
// kept.
type Attachment struct {
	Kind   string `json:"kind"`
	Name   string `json:"name"`
	Bytes  int    `json:"bytes"`            // its size
	Length int    `json:"length,omitempty"` // how much of the message's Text it is, bytes
	MIME   string `json:"mime,omitempty"`   // of an image
	SHA256 string `json:"sha256,omitempty"` // of an image
	Path   string `json:"path,omitempty"`   // of an image: where it was, absolute
	Data   []byte `json:"-"`                // of an image; nil: it has to be read again
}

// Typed is the message as it was typed: its Text without that of attachments.
func (m *Said) Typed() string {
	text := m.Text
	for _, a := range m.Attached {
		text = text[min(max(a.Length, 0), len(text)):]
	}
	return text
}

// AttachedText is the text of the i-th attachment.
func (m *Said) AttachedText(i int) string {
	from := 0
	for _, a := range m.Attached[:i] {
		from += max(a.Length, 0)
	}
	from = min(from, len(m.Text))
	return m.Text[from:min(from+max(m.Attached[i].Length, 0), len(m.Text))]
}

// Answered is r, which ended with err, as it is kept: at the time at, in answer
// to a turn.
func Answered(turn int, at time.Time, r provider.Response, err error) Said {
	m := Said{Turn: turn, Role: provider.RoleAssistant, Text: r.Text, At: at, Thinking: r.Thinking, Finish: r.Finish, Usage: r.Usage, Route: r.Route}
	if f := failureOf(err); f != nil {
		m.Finish, m.Broken = "", f.Kind
	}
	return m
}

// Chats are the conversations of a store. Make one with [NewChats].
type Chats struct {
	store  *Store
	redact func(string) string
}

// NewChats returns the conversations in s. redact takes secrets out of a text
// that is about to be kept; nil: texts are kept as they are.
func NewChats(s *Store, redact func(string) string) *Chats {
	if redact == nil {
		redact = func(text string) string { return text }
	}
	return &Chats{store: s, redact: redact}
}

// ErrMovedOn says that another process has added to the conversation.
var ErrMovedOn = errors.New("another tandem process has continued this conversation")

// Put writes the conversation down, without its Messages, and adds some to it:
// all of it, or nothing. If another process has made it local meanwhile,
// chat.Privacy says so afterwards, whatever the error. Errors: [ErrMovedOn],
// where a message's place is taken.
func (c *Chats) Put(ctx context.Context, chat *Chat, added ...Said) error {
	kept := *chat
	kept.Messages, kept.Settings = nil, *encodable(&chat.Settings)
	record, err := c.record(kept)
	if err != nil {
		return err
	}
	err = c.store.begin(ctx, func(tx *sql.Tx) error {
		err := tx.QueryRowContext(ctx, `INSERT INTO chats (id, created, updated, title, privacy, record) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
			ON CONFLICT (id) DO UPDATE SET updated = ?3, title = ?4, record = ?6, privacy = CASE privacy WHEN 'local' THEN privacy ELSE ?5 END RETURNING privacy`,
			chat.ID, chat.Created.UnixMilli(), chat.Updated.UnixMilli(), c.redact(chat.Title), chat.Privacy, record).Scan(&chat.Privacy)
		for i := 0; i < len(added) && err == nil; i++ {
			err = c.add(ctx, tx, chat.ID, added[i])
		}
		return err
	})
	var se *sqlite.Error
	if errors.As(err, &se) && se.Code() == 2067 { // CONSTRAINT_UNIQUE
		return ErrMovedOn
	}
	return err
}

// record is v as JSON, without secrets.
func (c *Chats) record(v any) (string, error) {
	data, err := json.Marshal(redact.Strings(v, c.redact))
	return string(data), err
}

// redactText is m's Text without secrets. Each attachment's Length becomes that of
// its part of it.
func (c *Chats) redactText(m *Said) string {
	if len(m.Attached) == 0 {
		return c.redact(m.Text)
	}
	var text strings.Builder
	attached := slices.Clone(m.Attached)
	for i := range attached {
		part := c.redact(m.AttachedText(i))
		text.WriteString(part)
		attached[i].Length = len(part)
	}
	text.WriteString(c.redact(m.Typed()))
	m.Attached = attached
	return text.String()
}

func (c *Chats) add(ctx context.Context, tx *sql.Tx, id string, m Said) error {
	var long pieces
	text, thinking := c.redactText(&m), c.redact(m.Thinking)
	inRow := excerpt(text)
	long.take(partText, &text)
	long.take(partThinking, &thinking)
	m.Text, m.Thinking = "", thinking
	record, err := c.record(m)
	if err != nil {
		return err
	}
	res, err := tx.ExecContext(ctx, "INSERT INTO said (chat, turn, role, text, record) VALUES (?, ?, ?, ?, ?)", id, m.Turn, m.Role, inRow, record)
	if err != nil || len(long) == 0 {
		return err
	}
	row, err := res.LastInsertId()
	if err != nil {
		return err
	}
	return long.insert(ctx, tx, ownerSaid, row)
}

// Undo drops the last turn for good. Errors: [ErrMovedOn], where it is not the last.
func (c *Chats) Undo(ctx context.Context, id string, turn int) error {
	last := turn
	err := c.store.begin(ctx, func(tx *sql.Tx) error {
		err := tx.QueryRowContext(ctx, "SELECT coalesce(max(turn), ?2) FROM said WHERE chat = ?1", id, turn).Scan(&last)
		if err == nil && last == turn {
			_, err = tx.ExecContext(ctx, "DELETE FROM said WHERE chat = ? AND turn = ?", id, turn)
		}
		return err
	})
	switch {
	case err != nil:
		return err
	case last > turn:
		return ErrMovedOn
	}
	return c.store.scrub(ctx)
}

// Remove drops a conversation for good. Its calls stay in the log.
func (c *Chats) Remove(ctx context.Context, id string) error {
	err := c.store.begin(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, "DELETE FROM said WHERE chat = ?", id)
		if err == nil {
			_, err = tx.ExecContext(ctx, "DELETE FROM chats WHERE id = ?", id)
		}
		return err
	})
	if err != nil {
		return err
	}
	return c.store.scrub(ctx)
}
