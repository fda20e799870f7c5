package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// ErrNoChat is an id that no conversation has.
var ErrNoChat = errors.New("no such conversation")

// ChatLine is one conversation as a list has it.
type ChatLine struct {
	ID      string    `json:"id"`
	Updated time.Time `json:"updated"`
	Title   string    `json:"title"`
	Privacy string    `json:"privacy,omitempty"`
	Turns   int       `json:"turns"`
}

// Find returns one conversation with its messages. id may be the beginning of
// one, and empty means the one that was continued last. Errors: [ErrNoChat];
// several that begin so.
func (c *Chats) Find(ctx context.Context, id string) (Chat, error) {
	var chat Chat
	if !c.store.Exists() {
		return chat, ErrNoChat
	}
	db, err := c.store.open(ctx)
	if err != nil {
		return chat, err
	}
	full, err := c.complete(ctx, db, id)
	if err != nil {
		return chat, err
	}
	var record string
	var updated int64
	if err := db.QueryRowContext(ctx, "SELECT updated, privacy, record FROM chats WHERE id = ?", full).Scan(&updated, &chat.Privacy, &record); err != nil {
		return chat, c.store.explain(err)
	}
	privacy := chat.Privacy
	if err := json.Unmarshal([]byte(record), &chat); err != nil {
		return chat, c.store.explain(fmt.Errorf("conversation %s cannot be read: %w", full, err))
	}
	chat.Privacy, chat.Updated = privacy, time.UnixMilli(updated)
	chat.Messages, err = c.said(ctx, db, full)
	return chat, err
}

func (c *Chats) said(ctx context.Context, db *sql.DB, id string) ([]Said, error) {
	long, err := c.store.long(ctx, db, ownerSaid, "SELECT id FROM said WHERE chat = ?", id)
	if err != nil {
		return nil, err
	}
	rows, err := db.QueryContext(ctx, "SELECT id, text, record FROM said WHERE chat = ? ORDER BY turn, id", id)
	if err != nil {
		return nil, c.store.explain(err)
	}
	defer rows.Close()
	out := []Said{}
	for rows.Next() {
		var m Said
		var n int64
		var text, record string
		if err := rows.Scan(&n, &text, &record); err != nil {
			return nil, c.store.explain(err)
		}
		if err := json.Unmarshal([]byte(record), &m); err != nil {
			return nil, c.store.explain(fmt.Errorf("message %d of conversation %s cannot be read: %w", len(out)+1, id, err))
		}
		m.Text = text
		if all, ok := long[n][partText]; ok {
			m.Text = all
		}
		if all, ok := long[n][partThinking]; ok {
			m.Thinking = all
		}
		out = append(out, m)
	}
	return out, c.store.explain(rows.Err())
}

// complete finds the id that begins with id.
func (c *Chats) complete(ctx context.Context, db *sql.DB, id string) (string, error) {
	low := strings.ToLower(id)
	rows, err := db.QueryContext(ctx, "SELECT id FROM chats WHERE id >= ? AND id < ? ORDER BY updated DESC, id DESC LIMIT 2", low, low+"\x7f")
	if err != nil {
		return "", c.store.explain(err)
	}
	defer rows.Close()
	var found []string
	for rows.Next() {
		var one string
		if err := rows.Scan(&one); err != nil {
			return "", c.store.explain(err)
		}
		found = append(found, one)
	}
	switch {
	case rows.Err() != nil:
		return "", c.store.explain(rows.Err())
	case len(found) == 0:
		return "", ErrNoChat
	case len(found) > 1 && id != "":
		return "", fmt.Errorf("several conversations start with %s, such as %s and %s; give more of the id", id, found[0], found[1])
	}
	return found[0], nil
}

// List returns the n conversations that were continued last, newest first;
// 0: all.
func (c *Chats) List(ctx context.Context, n int) ([]ChatLine, error) { return c.lines(ctx, "", n) }

// Search returns the newest n conversations in which one message has every word
// of text, or else has text inside words; see [Store.Search].
func (c *Chats) Search(ctx context.Context, text string, n int) ([]ChatLine, error) {
	match := matching(text)
	if match == "" {
		return nil, nil
	}
	found, err := c.lines(ctx, "WHERE c.id IN (SELECT chat FROM said WHERE id IN (SELECT rowid FROM said_texts WHERE said_texts MATCH ?))", n, match)
	if err != nil || len(found) > 0 {
		return found, err
	}
	return c.lines(ctx, "WHERE c.id IN (SELECT chat FROM said WHERE instr(lower(text), lower(?)))", n, text)
}

func (c *Chats) lines(ctx context.Context, where string, n int, args ...any) ([]ChatLine, error) {
	if !c.store.Exists() {
		return nil, nil
	}
	db, err := c.store.open(ctx)
	if err != nil {
		return nil, err
	}
	if n <= 0 {
		n = -1
	}
	rows, err := db.QueryContext(ctx, fmt.Sprintf(`SELECT c.id, c.updated, c.title, c.privacy, (SELECT count(DISTINCT turn) FROM said WHERE chat = c.id)
		FROM chats c %s ORDER BY c.updated DESC, c.id DESC LIMIT ?`, where), append(args, n)...)
	if err != nil {
		return nil, c.store.explain(err)
	}
	defer rows.Close()
	var out []ChatLine
	for rows.Next() {
		var l ChatLine
		var updated int64
		if err := rows.Scan(&l.ID, &updated, &l.Title, &l.Privacy, &l.Turns); err != nil {
			return nil, c.store.explain(err)
		}
		l.Updated = time.UnixMilli(updated)
		out = append(out, l)
	}
	return out, c.store.explain(rows.Err())
}
