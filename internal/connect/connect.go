// Package connect knows how other programs are pointed at a gateway: their files and
// variables, in one table ([Clients]). [System.Settings] is what a user would type,
// [System.Write] changes the files and [System.Undo] takes that back, and [Check] runs a
// client once. Keys are referred to by the name of a variable and never read.
package connect

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
)

// Gateway is the server that a client is pointed at.
type Gateway struct {
	URL    string // such as http://127.0.0.1:11500, without /v1; see [ParseURL]
	KeyEnv string // the variable that holds its key; empty: it takes none
	Model  string // that the client asks for
	Window int    // the model's context window in tokens; 0: unknown
	Most   int    // the largest window that the model was made for; 0: unknown
	// NoTools says that the model is known to be unable to use tools.
	NoTools bool
	// Keys says that the gateway takes no call without a key. KeyEnv may be missing.
	Keys bool
	// Exposed says that it listens on an address that other machines reach, and Hosts are
	// the names, besides its address, that it accepts.
	Exposed bool
	Hosts   []string
}

// v1 is the root of the OpenAI dialect.
func (g Gateway) v1() string { return g.URL + "/v1" }

// window is the context window, or one to go on with where it is unknown.
func (g Gateway) window() int {
	if g.Window > 0 {
		return g.Window
	}
	return 32768
}

// output is how much of the window an answer may take.
func (g Gateway) output() int { return min(8192, g.window()/4) }

// ParseURL is a gateway's address as clients take it: http or https, without a user, a
// query, /v1 and a slash at the end.
func ParseURL(text string) (string, error) {
	u, err := url.Parse(strings.TrimSpace(text))
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		return "", errors.New("expected an address such as http://127.0.0.1:11500")
	case u.User != nil:
		return "", errors.New("an address with a password would be written to the client's file; name the variable of a key instead")
	case u.RawQuery != "" || u.Fragment != "" || u.ForceQuery:
		return "", errors.New("expected an address without ? and #")
	}
	return strings.TrimSuffix(strings.TrimRight(u.Scheme+"://"+u.Host+u.EscapedPath(), "/"), "/v1"), nil
}

// Loopback reports whether the gateway is on this machine.
func (g Gateway) Loopback() bool {
	u, err := url.Parse(g.URL)
	if err != nil {
		return false
	}
	if addr, err := netip.ParseAddr(u.Hostname()); err == nil {
		return addr.IsLoopback()
	}
	return u.Hostname() == "localhost"
}

// inContainer is the gateway's address as a container on this machine reaches it.
func (g Gateway) inContainer() string {
	u, err := url.Parse(g.URL)
	if err != nil || !g.Loopback() {
		return g.URL
	}
	u.Host = dockerHost
	if port := portOf(g.URL); port != "" {
		u.Host = net.JoinHostPort(u.Host, port)
	}
	return u.String()
}

func portOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Port()
}

// IsVariable reports whether a name can be that of a variable of the environment.
func IsVariable(name string) bool {
	return regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`).MatchString(name)
}

// placeholder stands for a key where a client insists on one and the gateway takes none.
const placeholder = "tandem"

// System is the machine whose clients are connected.
type System struct {
	OS    string                   // as runtime.GOOS
	Home  string                   // the user's home directory
	State string                   // where Tandem remembers what it wrote
	Env   func(name string) string // the user's environment
}

// config is the user's directory of configurations.
func (s *System) config() string {
	switch dir := s.Env("XDG_CONFIG_HOME"); {
	case s.OS == "windows":
		return s.appData()
	case s.OS == "darwin":
		return filepath.Join(s.Home, "Library", "Application Support")
	case filepath.IsAbs(dir):
		return dir
	}
	return filepath.Join(s.Home, ".config")
}

// xdg is the directory of configurations of programs that use ~/.config on macOS too.
func (s *System) xdg() string {
	if dir := s.Env("XDG_CONFIG_HOME"); filepath.IsAbs(dir) {
		return dir
	}
	return filepath.Join(s.Home, ".config")
}

func (s *System) appData() string {
	if dir := s.Env("APPDATA"); dir != "" {
		return dir
	}
	return filepath.Join(s.Home, "AppData", "Roaming")
}

// dir is the directory that a variable names, or else the one below the home directory.
func (s *System) dir(variable string, below ...string) string {
	if dir := s.Env(variable); filepath.IsAbs(dir) {
		return dir
	}
	return filepath.Join(append([]string{s.Home}, below...)...)
}

// target is a file of a client, and what it gets.
type target struct {
	path    string
	format  formatName
	entries []entry
}

// Settings is what connects a client, as a user would type it.
type Settings struct {
	Variables []Variable // that do without the files
	Also      []Variable // that the client needs besides its files
	Files     []Fragment
	Steps     []string // what to do by hand, and how to start the client
	// Elsewhere says where the client may run that takes more, and ElsewhereSteps what
	// that is; empty: nowhere.
	Elsewhere      string
	ElsewhereSteps []string
	Notes          []string // what to know
}

// Variable is a variable of the environment.
type Variable struct {
	Name, Value string
	From        string // not empty: the value is that of this variable
}

// Line sets the variable in a shell of the system.
func (v Variable) Line(system string) string {
	switch {
	case system == "windows" && v.From != "":
		return fmt.Sprintf("$env:%s = $env:%s", v.Name, v.From)
	case system == "windows":
		return fmt.Sprintf("$env:%s = '%s'", v.Name, strings.ReplaceAll(v.Value, "'", "''"))
	case v.From != "":
		return fmt.Sprintf(`export %s="$%s"`, v.Name, v.From)
	case strings.Trim(v.Value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:@+") != "":
		return fmt.Sprintf("export %s='%s'", v.Name, strings.ReplaceAll(v.Value, "'", `'\''`))
	}
	return fmt.Sprintf("export %s=%s", v.Name, v.Value)
}

// Fragment is what one of the client's files gets.
type Fragment struct{ Path, Text string }

// Settings returns what connects a client to a gateway.
func (s *System) Settings(c *Client, g Gateway) (Settings, error) {
	set := c.settings(s, g)
	for _, t := range c.targets(s, g) {
		text, err := t.apply("", &record{})
		if err != nil {
			return Settings{}, err
		}
		set.Files = append(set.Files, Fragment{t.path, text})
	}
	return set, nil
}
