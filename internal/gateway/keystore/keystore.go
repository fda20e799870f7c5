// Package keystore keeps who may ask the gateway, in a file that only its user may
// read. It has no key, only the SHA-256 of each: a key is random and long, so that
// this does not tell it.
package keystore

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gofrs/flock"

	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/internal/files"
	"github.com/tandem-llm/tandem/internal/gateway/guard"
)

// Store is the file. It is safe for concurrent use, by several processes too, and a
// running server sees a change with its next request.
type Store struct {
	path string

	mu      sync.Mutex
	seen    os.FileInfo // the file that entries were read from; nil: none was
	entries []guard.Entry
}

// Key is one key's caller, as the file has it.
type Key struct {
	Name      string    `json:"name"`
	Hash      string    `json:"sha256"` // of the key, in hexadecimal
	Created   time.Time `json:"created"`
	Use       []string  `json:"use,omitempty"`
	LocalOnly bool      `json:"local_only,omitempty"`
	BudgetUSD *float64  `json:"budget_usd_per_day,omitempty"`
	Rate      int       `json:"rate_per_minute,omitempty"`
	Pull      bool      `json:"pull,omitempty"`
	Operator  bool      `json:"operator,omitempty"`
}

type contents struct {
	Version int   `json:"version"`
	Keys    []Key `json:"keys"`
}

// version is that of the file's form.
const version = 1

// The errors of a name.
var (
	ErrExists = errors.New("a key with this name exists")
	ErrNoKey  = errors.New("no key has this name")
)

var _ guard.Keys = (*Store)(nil)

// New returns the store of a directory, that of the user's data; an empty one is that
// of a user without a home, who has no keys. It reads nothing.
func New(dir string) *Store {
	if dir == "" {
		return &Store{}
	}
	return &Store{path: filepath.Join(dir, "serve-keys.json")}
}

// Path is where the file is; empty: nowhere.
func (s *Store) Path() string { return s.path }

// Entries returns the keys that count now: it reads the file again if that has
// changed. Without a file there are none. A file that cannot be trusted is an error:
// it is not "no keys", with which everybody could ask.
func (s *Store) Entries() ([]guard.Entry, error) {
	if s.path == "" {
		return nil, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now, err := os.Stat(s.path)
	if errors.Is(err, fs.ErrNotExist) {
		s.seen, s.entries = nil, nil
		return nil, nil
	}
	if err == nil && s.seen != nil && same(s.seen, now) {
		return s.entries, nil
	}
	s.seen = nil
	list, info, err := s.read()
	if err != nil {
		return nil, err
	}
	entries := make([]guard.Entry, len(list))
	for i, k := range list {
		entries[i] = k.entry()
	}
	s.entries, s.seen = entries, info
	return entries, nil
}

func same(a, b os.FileInfo) bool {
	return os.SameFile(a, b) && a.ModTime().Equal(b.ModTime()) && a.Size() == b.Size() && a.Mode() == b.Mode()
}

// entry is the key as the guard has it; its hash is known to be one.
func (k Key) entry() guard.Entry {
	e := guard.Entry{Caller: guard.Caller{Name: k.Name, Use: k.Use, BudgetUSD: k.BudgetUSD, Rate: k.Rate, Pull: k.Pull, Operator: k.Operator}}
	if k.LocalOnly {
		e.Caller.Privacy = guard.PrivacyLocal
	}
	_, _ = hex.Decode(e.Hash[:], []byte(k.Hash))
	return e
}

// List returns the keys' callers by name.
func (s *Store) List() ([]Key, error) {
	if s.path == "" {
		return nil, nil
	}
	list, _, err := s.read()
	slices.SortFunc(list, func(a, b Key) int { return strings.Compare(a.Name, b.Name) })
	return list, err
}

// Add makes a key for a caller and returns it: this is the only time that it is seen.
// k's hash and time are set by Add. Its error wraps ErrExists if the name is in use.
func (s *Store) Add(ctx context.Context, k Key) (key string, err error) {
	if err := k.Check(); err != nil {
		return "", err
	}
	secret := make([]byte, sha256.Size)
	_, _ = rand.Read(secret) // it never fails
	// The beginning is that of OpenAI's keys: some clients insist on it, and what
	// looks for keys in texts finds it.
	key = "sk-tandem-" + base64.RawURLEncoding.EncodeToString(secret)
	hash := sha256.Sum256([]byte(key))
	k.Hash, k.Created = hex.EncodeToString(hash[:]), time.Now().UTC().Truncate(time.Second)
	err = s.change(ctx, func(list []Key) ([]Key, error) {
		if slices.ContainsFunc(list, func(other Key) bool { return other.Name == k.Name }) {
			return nil, ErrExists
		}
		return append(list, k), nil
	})
	if err != nil {
		return "", err
	}
	return key, nil
}

// Remove takes a caller's key away. Its error wraps ErrNoKey if there is none.
func (s *Store) Remove(ctx context.Context, name string) error {
	return s.change(ctx, func(list []Key) ([]Key, error) {
		left := slices.DeleteFunc(slices.Clone(list), func(k Key) bool { return k.Name == name })
		if len(left) == len(list) {
			return nil, ErrNoKey
		}
		return left, nil
	})
}

// lockTime is how long another process may take to change the file.
const lockTime = 10 * time.Second

// change replaces the file as a whole, under a lock.
func (s *Store) change(ctx context.Context, do func([]Key) ([]Key, error)) error {
	if s.path == "" {
		return errors.New("no home directory for the keys; set HOME")
	}
	if err := os.MkdirAll(filepath.Dir(s.path), 0o700); err != nil {
		return fmt.Errorf("making the directory of %s: %w", s.path, files.Bare(err))
	}
	ctx, cancel := context.WithTimeout(ctx, lockTime)
	defer cancel()
	lock := flock.New(s.path + ".lock")
	if ok, err := lock.TryLockContext(ctx, 5*time.Millisecond); err != nil || !ok {
		return fmt.Errorf("%s.lock cannot be locked; see who owns it, and whether another process holds it", s.path)
	}
	defer lock.Close()
	list, _, err := s.read()
	if err != nil {
		return err
	}
	if list, err = do(list); err != nil {
		return err
	}
	data, err := json.MarshalIndent(contents{version, list}, "", "  ")
	if err != nil {
		return err
	}
	return config.WriteFile(s.path, append(data, '\n'))
}

// maxFile is the most bytes that the file may have.
const maxFile = 1 << 20

// read reads the file, and which one it was. Without a file there are no keys. What
// this version does not know in it may be a limit, and is an error.
func (s *Store) read() ([]Key, os.FileInfo, error) {
	info, err := os.Stat(s.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, nil
	}
	if err == nil {
		err = private(info)
	}
	var data []byte
	if err == nil {
		data, err = files.Read(s.path, maxFile)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("the file of keys %s cannot be used: %w", s.path, files.Bare(err))
	}
	var c contents
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	switch err := d.Decode(&c); {
	case err != nil || c.Version != version || d.More():
		return nil, nil, fmt.Errorf("the file of keys %s is damaged, or of a newer version of this program; remove it to start over", s.path)
	}
	names := map[string]bool{}
	for _, k := range c.Keys {
		raw, err := hex.DecodeString(k.Hash)
		if err != nil || len(raw) != sha256.Size || names[k.Name] || k.Check() != nil {
			return nil, nil, fmt.Errorf("the file of keys %s is damaged; remove it to start over", s.path)
		}
		names[k.Name] = true
	}
	return c.Keys, info, nil
}

// maxRate is the highest rate that is counted.
const maxRate = 100_000

// Check reports a mistake in what a caller may do.
func (k Key) Check() error {
	switch {
	case !config.ValidName(k.Name):
		return errors.New("a key's name has letters, digits, dots, dashes and underscores only, such as laptop")
	case k.Rate < 0 || k.Rate > maxRate:
		return fmt.Errorf("the rate has to be from 1 to %d requests a minute, or 0 for no limit", maxRate)
	case k.BudgetUSD != nil && !(*k.BudgetUSD >= 0 && *k.BudgetUSD <= 1e6):
		return errors.New("the budget has to be from 0 to 1000000 US dollars a day")
	}
	return nil
}
