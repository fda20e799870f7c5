package cluster

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

// Token is what a machine needs to join a cluster. It works once.
type Token struct {
	Address string `json:"a"` // host:port, where is joined
	CA      string `json:"f"` // the fingerprint of the cluster's authority
	Secret  string `json:"s"`
}

// JoinAddress is the address of a [Token]: where a host is joined, at a port. It fails where
// host is not a host's name or IP address alone.
func JoinAddress(host string, port int) (string, error) {
	if _, err := netip.ParseAddr(host); err != nil && (host == "" || strings.ContainsAny(host, ":/[]@?#%\\ \t\r\n")) {
		return "", fmt.Errorf("%q is not a host; give its name or IP address alone, such as gpu1.example.org", host)
	}
	return net.JoinHostPort(host, strconv.Itoa(port)), nil
}

const tokenPrefix = "tandem-join-"

// String is the token as it is given to others.
func (t Token) String() string {
	data, err := json.Marshal(t) //nolint:gosec // the token is the secret, made to be handed over
	if err != nil {
		return "" // texts can always be written
	}
	return tokenPrefix + base64.RawURLEncoding.EncodeToString(data)
}

// ParseToken reads what [Token.String] has written.
func ParseToken(text string) (t Token, err error) {
	coded, ok := strings.CutPrefix(strings.TrimSpace(text), tokenPrefix)
	data, derr := base64.RawURLEncoding.DecodeString(coded)
	if !ok || derr != nil || json.Unmarshal(data, &t) != nil || t.Address == "" || t.CA == "" || t.Secret == "" {
		return Token{}, errors.New("this is not a whole join token")
	}
	return t, nil
}

// invite is an invitation as it is stored: nobody can join with what the file has.
type invite struct {
	Hash    string    `json:"sha256"` // of the secret
	Expires time.Time `json:"expires"`
}

// Invites are the invitations of a cluster, in a directory.
type Invites struct {
	Dir string
	Now func() time.Time // nil: time.Now
}

func (in Invites) path() string { return filepath.Join(in.Dir, "invites.json") }

func (in Invites) now() time.Time {
	if in.Now != nil {
		return in.Now()
	}
	return time.Now()
}

// New makes an invitation that lasts for a while, and returns its secret, which is stored
// nowhere.
func (in Invites) New(life time.Duration) (secret string, err error) {
	secret = rand.Text()
	return secret, in.change(func(all []invite) ([]invite, error) {
		return append(all, invite{Hash: hash(secret), Expires: in.now().Add(life)}), nil
	})
}

// ErrInvite is an invitation that nobody has, has been used, or has expired.
var ErrInvite = errors.New("the join token was used already, has expired, or is not of this cluster")

// Use ends the invitation of a secret, or returns [ErrInvite].
func (in Invites) Use(secret string) error {
	return in.change(func(all []invite) ([]invite, error) {
		at := slices.IndexFunc(all, func(i invite) bool { return i.Hash == hash(secret) })
		if at < 0 {
			return nil, ErrInvite
		}
		return slices.Delete(all, at, at+1), nil
	})
}

func hash(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// change changes the invitations that have not expired, while nobody else does.
func (in Invites) change(do func([]invite) ([]invite, error)) error {
	if err := os.MkdirAll(in.Dir, 0o700); err != nil {
		return err
	}
	l := flock.New(in.path()+".lock", flock.SetPermissions(0o600))
	if err := l.Lock(); err != nil {
		return err
	}
	defer func() { _ = l.Unlock() }() // closing the file unlocks it, too
	var all []invite
	data, err := os.ReadFile(in.path())
	if err == nil {
		err = json.Unmarshal(data, &all)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s: %w", in.path(), err)
	}
	all = slices.DeleteFunc(all, func(i invite) bool { return !in.now().Before(i.Expires) })
	if all, err = do(all); err != nil {
		return err
	}
	if data, err = json.Marshal(all); err != nil {
		return err
	}
	return writeSecret(in.path(), data)
}
