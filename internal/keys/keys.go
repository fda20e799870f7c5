// Package keys keeps the user's API keys by name: in the system's keyring
// where there is one, and else each in a file that nobody else may read.
package keys

import (
	"cmp"
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
// config.ErrNoKey when no key has this name. Any other error means that
// the keyring is not there or does not serve.
type Keyring interface {
	Get(name string) (string, error)
	Set(name, value string) error
	Delete(name string) error
}

// Store keeps keys. A key counts in one place: in the file if there is one, and
// in the keyring otherwise. It is in both only where the keyring did not serve
// when the file was written. Keyrings do not list what they hold, so an empty
// file marks each key that was put there. What a killed process left half
// written goes with the next call of Set, Delete or List. It is safe for
// concurrent use, by several processes too.
type Store struct {
	dir     string
	system  Keyring
	timeout time.Duration
}

// keyringTimeout is how long a keyring may take for one call. It may be asking the
// user for the password that unlocks it.
const keyringTimeout = 20 * time.Second

// New returns the store whose files lie in dir/keys; an empty dir is that of a
// user without a home. A nil system is a system without a keyring. New makes no
// call and reads no file.
func New(dir string, system Keyring) *Store {
	if dir != "" {
		dir = filepath.Join(dir, "keys")
	}
	return &Store{dir: dir, system: system, timeout: keyringTimeout}
}

var _ config.Keyring = (*Store)(nil)

// errNoKeyring is the error of a system without a keyring, and errSilent that of
// one that does not answer.
var (
	errNoKeyring = errors.New("no system keyring")
	errSilent    = errors.New("unlock it and try again")
)

// The suffixes of the files in a store's directory.
const (
	valueSuffix  = ".key"     // holds a key's value
	markerSuffix = ".keyring" // empty: the value is in the keyring
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
	value, err = s.callKeyring(func(k Keyring) (string, error) { return k.Get(name) })
	switch {
	case err == nil:
		return value, nil
	case errors.Is(err, config.ErrNoKey) || !s.hasMarker(name):
		return "", fmt.Errorf("%w called %q", config.ErrNoKey, name)
	default:
		return "", fmt.Errorf("the key %q is in the system keyring, which cannot read it: %w", name, err)
	}
}

// Has reports whether a key of that name was stored by Set. It reads no value and
// asks no keyring.
func (s *Store) Has(name string) bool {
	if CheckName(name) != nil {
		return false
	}
	_, err := os.Lstat(s.path(name, valueSuffix))
	return err == nil || s.hasMarker(name)
}

// Set keeps the key and says where. Only a system without a working keyring
// gets a file. An older copy elsewhere is removed, if the keyring lets it be:
// List tells. No error shows any part of the value.
func (s *Store) Set(name, value string) (Key, error) {
	if err := CheckName(name); err != nil {
		return Key{}, err
	}
	if _, err := s.callKeyring(func(k Keyring) (string, error) { return "", k.Set(name, value) }); err != nil {
		key := Key{Name: name, Place: InFile, Path: s.path(name, valueSuffix)}
		if err := s.write(key.Path, value); err != nil {
			return Key{}, err
		}
		if s.hasMarker(name) && !errors.Is(err, errSilent) {
			_, _ = s.deleteFromKeyring(name)
		}
		return key, nil
	}
	if err := s.write(s.path(name, markerSuffix), ""); err != nil {
		return Key{}, err
	}
	if err := removeFile(s.path(name, valueSuffix)); err != nil {
		return Key{}, err // the file's old key would hide the keyring's
	}
	return Key{Name: name, Place: InKeyring}, nil
}

// Delete removes the key from wherever it is, and says from where, also beside
// an error. Its error wraps config.ErrNoKey when there is none.
func (s *Store) Delete(name string) (removed []Key, err error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	file := Key{Name: name, Place: InFile, Path: s.path(name, valueSuffix)}
	_, err = os.Lstat(file.Path)
	inFile := err == nil
	if _, err := os.Lstat(s.dir); err == nil {
		unlock, swept := s.lock()
		unlock()
		inFile = inFile || slices.Contains(swept, name)
	}
	if err := removeFile(file.Path); err != nil {
		return nil, err
	}
	if inFile {
		removed = append(removed, file)
	}
	marked := s.hasMarker(name)
	found, err := s.deleteFromKeyring(name)
	if found {
		removed = append(removed, Key{Name: name, Place: InKeyring})
	}
	switch {
	case err != nil && marked:
		return removed, fmt.Errorf("the key %q is in the system keyring, which cannot remove it: %w", name, err)
	case len(removed) == 0:
		return nil, fmt.Errorf("%w called %q", config.ErrNoKey, name)
	}
	return removed, nil
}

// deleteFromKeyring reports whether the keyring had the key. Its error is that
// of a keyring that does not serve.
func (s *Store) deleteFromKeyring(name string) (found bool, err error) {
	_, err = s.callKeyring(func(k Keyring) (string, error) { return "", k.Delete(name) })
	if err != nil && !errors.Is(err, config.ErrNoKey) {
		return false, err
	}
	return err == nil, removeFile(s.path(name, markerSuffix))
}

// List returns the names and places of the keys, by name; of one that is in
// both places, first the file, which counts. It reads no value and asks no
// keyring.
func (s *Store) List() ([]Key, error) {
	entries, err := os.ReadDir(s.dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("listing the keys: %w", err)
	}
	if len(entries) > 0 {
		unlock, _ := s.lock()
		unlock()
	}
	list := []Key{}
	for _, e := range entries {
		if name, ok := strings.CutSuffix(e.Name(), valueSuffix); ok && CheckName(name) == nil {
			list = append(list, Key{Name: name, Place: InFile, Path: s.path(name, valueSuffix)})
		}
		if name, ok := strings.CutSuffix(e.Name(), markerSuffix); ok && CheckName(name) == nil {
			list = append(list, Key{Name: name, Place: InKeyring})
		}
	}
	slices.SortFunc(list, func(a, b Key) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(string(a.Place), string(b.Place)))
	})
	return list, nil
}

func (s *Store) hasMarker(name string) bool {
	_, err := os.Lstat(s.path(name, markerSuffix))
	return err == nil
}

func (s *Store) path(name, suffix string) string { return filepath.Join(s.dir, name+suffix) }

// callKeyring makes one call to the keyring and gives it up after s.timeout: the
// call then goes on in a goroutine of its own, and what it finds is dropped.
func (s *Store) callKeyring(call func(Keyring) (string, error)) (string, error) {
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
				done <- result{err: errors.New("it gave an invalid answer")}
			}
		}()
		value, err := call(s.system)
		done <- result{value, err}
	}()
	t := time.NewTimer(s.timeout)
	defer t.Stop()
	select {
	case r := <-done:
		return r.value, r.err
	case <-t.C:
		return "", fmt.Errorf("it did not answer within %s; %w", s.timeout, errSilent)
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
