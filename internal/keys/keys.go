// Package keys keeps the user's API keys by name: in the system's keyring
// where there is one, and else each in a file that nobody else may read.
package keys

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/tandem-llm/tandem/config"
)

// Place is where a key lies.
type Place string

// The places.
const (
	InKeyring Place = "keyring"
	InFile    Place = "file"
)

// Key is the name of a key, and where its value lies.
type Key struct {
	Name  string `json:"name"`
	Place Place  `json:"place"`
	Path  string `json:"path,omitempty"` // of the file, for InFile
}

// Keyring is a system's keyring. Get and Delete return an error that wraps
// config.ErrNoKey when there is no key of that name. Any other error means that
// the keyring is not there or does not serve.
type Keyring interface {
	Get(name string) (string, error)
	Set(name, value string) error
	Delete(name string) error
}

// Store keeps keys. A key lies in one place: in the file if there is one, and
// in the keyring otherwise. Keyrings do not list what they hold, so an empty
// file marks each key that was put there. It is safe for concurrent use, by
// several processes too.
type Store struct {
	dir      string
	system   Keyring
	patience time.Duration
}

// patience is how long a keyring may take for one call. It may be asking the
// user for the password that unlocks it.
const patience = 20 * time.Second

// New returns the store whose files lie in dir/keys; an empty dir is that of a
// user without a home. A nil system is a system without a keyring. New makes no
// call and reads no file.
func New(dir string, system Keyring) *Store {
	if dir != "" {
		dir = filepath.Join(dir, "keys")
	}
	return &Store{dir: dir, system: system, patience: patience}
}

var _ config.Keyring = (*Store)(nil)

// errNoKeyring is the error of a system without a keyring.
var errNoKeyring = errors.New("there is no system keyring here")

// The suffixes of the files in a store's directory.
const (
	valueSuffix  = ".key"     // holds a key's value
	markerSuffix = ".keyring" // empty: the value lies in the keyring
)

// Get returns the key of that name. Its error wraps config.ErrNoKey when there
// is none. A keyring that does not serve counts as one without the key, unless
// the key was put there.
func (s *Store) Get(name string) (string, error) {
	if err := CheckName(name); err != nil {
		return "", err
	}
	value, err := s.readFile(name)
	if !errors.Is(err, config.ErrNoKey) {
		return value, err
	}
	value, err = s.bounded(func(k Keyring) (string, error) { return k.Get(name) })
	switch {
	case err == nil:
		return value, nil
	case errors.Is(err, config.ErrNoKey) || !s.marked(name):
		return "", fmt.Errorf("%w called %q", config.ErrNoKey, name)
	default:
		return "", fmt.Errorf("the key %q lies in the system keyring, which does not give it: %w", name, err)
	}
}

// Set keeps the key and says where. Only a system without a working keyring
// gets a file. No error shows any part of the value.
func (s *Store) Set(name, value string) (Key, error) {
	if err := CheckName(name); err != nil {
		return Key{}, err
	}
	if _, err := s.bounded(func(k Keyring) (string, error) { return "", k.Set(name, value) }); err != nil {
		key := Key{Name: name, Place: InFile, Path: s.path(name, valueSuffix)}
		if err := s.write(key.Path, value); err != nil {
			return Key{}, err
		}
		return key, nil
	}
	if err := s.write(s.path(name, markerSuffix), ""); err != nil {
		return Key{}, err
	}
	if err := remove(s.path(name, valueSuffix)); err != nil {
		return Key{}, err // the file's old key would hide the keyring's
	}
	return Key{Name: name, Place: InKeyring}, nil
}

// Delete removes the key from wherever it is. Its error wraps config.ErrNoKey
// when there is none.
func (s *Store) Delete(name string) error {
	if err := CheckName(name); err != nil {
		return err
	}
	_, err := os.Lstat(s.path(name, valueSuffix))
	found := err == nil
	_, err = s.bounded(func(k Keyring) (string, error) { return "", k.Delete(name) })
	switch {
	case err == nil:
		found = true
	case errors.Is(err, config.ErrNoKey):
	case s.marked(name):
		return fmt.Errorf("the key %q lies in the system keyring, which does not remove it: %w", name, err)
	}
	for _, suffix := range []string{valueSuffix, markerSuffix} {
		if err := remove(s.path(name, suffix)); err != nil {
			return err
		}
	}
	if !found {
		return fmt.Errorf("%w called %q", config.ErrNoKey, name)
	}
	return nil
}

// List returns the names and places of the keys, by name. It reads no value
// and asks no keyring.
func (s *Store) List() ([]Key, error) {
	entries, err := os.ReadDir(s.dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("listing the keys: %w", err)
	}
	found := map[string]Key{}
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), valueSuffix); ok && CheckName(name) == nil {
			found[name] = Key{Name: name, Place: InFile, Path: s.path(name, valueSuffix)}
		}
		if name, ok := strings.CutSuffix(e.Name(), markerSuffix); ok && CheckName(name) == nil && found[name].Place == "" {
			found[name] = Key{Name: name, Place: InKeyring}
		}
	}
	list := make([]Key, 0, len(found))
	for _, k := range found {
		list = append(list, k)
	}
	slices.SortFunc(list, func(a, b Key) int { return strings.Compare(a.Name, b.Name) })
	return list, nil
}

func (s *Store) marked(name string) bool {
	_, err := os.Lstat(s.path(name, markerSuffix))
	return err == nil
}

func (s *Store) path(name, suffix string) string { return filepath.Join(s.dir, name+suffix) }

// bounded makes one call to the keyring and gives it up after s.patience: the
// call then goes on in a goroutine of its own, and what it finds is dropped.
func (s *Store) bounded(call func(Keyring) (string, error)) (string, error) {
	if s.system == nil {
		return "", errNoKeyring
	}
	type result struct {
		value string
		err   error
	}
	done := make(chan result, 1)
	go func() {
		defer func() {
			if recover() != nil { // anything may answer on the bus
				done <- result{err: errors.New("its answer makes no sense")}
			}
		}()
		value, err := call(s.system)
		done <- result{value, err}
	}()
	t := time.NewTimer(s.patience)
	defer t.Stop()
	select {
	case r := <-done:
		return r.value, r.err
	case <-t.C:
		return "", fmt.Errorf("it did not answer within %s; unlock it and try again", s.patience)
	}
}

// CheckName returns an error unless name can be a key's: letters, digits, dots,
// dashes and underscores. It does not show a name that may be a key itself.
func CheckName(name string) error {
	if config.LooksLikeKey(name) {
		return errors.New("this looks like a key, not like a key's name")
	}
	if !config.ValidName(name) {
		return errors.New("a key's name has letters, digits, dots, dashes and underscores only, such as openai")
	}
	return nil
}
