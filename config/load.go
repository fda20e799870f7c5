package config

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/go-viper/mapstructure/v2"
	"github.com/spf13/viper"

	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/internal/yamlx"
)

// LoadOptions say where the layers come from. The zero value is what the
// program uses.
type LoadOptions struct {
	// Dir holds the project's file: tandem.yaml, .tandem.yaml, or a config.yaml
	// that is Tandem's. Empty: the working directory.
	Dir string
	// UserFile is a file named on the command line: it must exist, it is read
	// as the user's own, and the project's is not read. "none": no file is
	// read at all. Empty: the variable TANDEM_CONFIG says the same, or else
	// the file at [UserPath] is read if it exists.
	UserFile string
	// ProjectFile, if set, is read as the project's in place of Dir's.
	ProjectFile string
	// NoProject reads no project's file.
	NoProject bool
	// StateDir keeps which projects are trusted; empty: [StateDir].
	StateDir string
	// Env looks up environment variables; nil: os.LookupEnv.
	Env func(name string) (value string, ok bool)
	// Keyring finds the keys of keyring: references.
	Keyring Keyring
	// Secret, if not nil, is called with every key that is looked up, and, once
	// the configuration is read, with those in the environment.
	Secret func(value string)
	// Set are values from the command line, by key: "use", "temperature",
	// "providers.local.model". Lists have commas.
	Set map[string]string
}

// NoFile as UserFile or TANDEM_CONFIG reads no file.
const NoFile = "none"

// Loaded is the merged configuration and where it came from. It is read-only
// and safe for concurrent use.
type Loaded struct {
	Config
	Files    []File   // in the order of their layers
	Warnings []string // what is allowed but probably a mistake, one line each
	Skipped  string   // the path of a ./config.yaml that is another program's, or empty
	Quoted   []string // variables whose values had quotation marks around them, which were dropped

	layers   []*layer
	own      []*layer // as layers would be without the project's file
	env      lookup
	keyring  Keyring
	ownPair  map[string]bool // providers with the address and the key of the user's own configuration
	secret   func(string)
	stateDir string
	demands  []Demand
	trusted  bool
	charged  map[string]bool // providers that the project's file has changed, where the user has a price for the server
	strange  map[string]bool // providers of which the project's file alone says a part of the price
}

// File is a configuration file that was looked for.
type File struct {
	Path   string
	Role   Role // RoleUser or RoleProject
	Exists bool

	data []byte
}

// FileError is a problem in a configuration file: file, line, column, what is
// wrong and what to do.
type FileError = diag.Error

// Load reads and merges the layers. It reports all problems in all of them at
// once, each a [*FileError]: errors.As finds the first, and Unwrap() []error of
// what Load returns has all. Loaded is
// never nil and always has Files; with an error that is [ErrUntrusted] it is
// complete, but what [Loaded.Untrusted] refuses must not be asked; with any other its Config is empty.
func Load(o LoadOptions) (*Loaded, error) { return load(o, yamlx.Read) }

// load is Load with files as read gives them.
func load(o LoadOptions, read func(path string) ([]byte, error)) (*Loaded, error) {
	l := &Loaded{env: o.Env, keyring: o.Keyring, secret: o.Secret, stateDir: o.StateDir, charged: map[string]bool{}, strange: map[string]bool{}}
	if l.env == nil {
		l.env = os.LookupEnv
	}
	if l.stateDir == "" {
		l.stateDir = StateDir(l.env)
	}
	if err := l.readFiles(o, read); err != nil {
		return l, err
	}
	files := l.layers
	l.layers = l.assemble(files, o)
	var errs []error
	for _, layer := range l.layers {
		errs = append(errs, layer.errs...)
	}
	if last := len(files) - 1; last >= 0 && files[last].role == RoleProject {
		l.own = l.assemble(files[:last:last], o)
	}
	l.tighten()
	l.settleHosts()
	errs = append(errs, l.checkBound()...)
	errs = append(errs, validate(l.layers)...)
	if err := diag.Join(errs...); err != nil {
		return l, err
	}
	own, err := l.merge()
	if err != nil {
		return l, err
	}
	l.pairOwn(own)
	l.tellEnvironment()
	l.noteQuoted()
	l.warn()
	return l, l.checkTrust(own)
}

// merge merges the layers. It returns, if there is a project's file, what the
// configuration would be without it.
func (l *Loaded) merge() (own *Config, err error) {
	cfg, err := merge(l.layers)
	if err != nil {
		return nil, err
	}
	if l.own != nil {
		if own, err = merge(l.own); err != nil {
			return nil, err
		}
		l.settlePrices(own.Providers, cfg.Providers)
		if cfg, err = merge(l.layers); err != nil {
			return nil, err
		}
	}
	for i := range cfg.Providers {
		p := &cfg.Providers[i]
		p.Price.Stranger, p.Price.NotFree = l.strange[p.Name], l.charged[p.Name]
	}
	l.Config = *cfg
	return own, nil
}

// assemble puts the other layers around those of the files.
func (l *Loaded) assemble(files []*layer, o LoadOptions) []*layer {
	upper := append(slices.Clone(files), readEnvironment(l.env, files), readSettings(o.Set, reader{dir: o.Dir, home: l.env.home()}))
	return append([]*layer{defaults(upper, l.env)}, upper...)
}

// readFiles adds the layers of the files.
func (l *Loaded) readFiles(o LoadOptions, read func(string) ([]byte, error)) error {
	read = readingOnce(read)
	explicit := cmp.Or(o.UserFile, l.env.or("TANDEM_CONFIG", ""))
	user, project := explicit, o.ProjectFile
	if explicit == "" {
		user = UserPath(l.env)
		if project == "" && !o.NoProject {
			var err error
			if project, l.Skipped, err = findProject(o.Dir, read); err != nil {
				return err
			}
			if abs, err := filepath.Abs(l.Skipped); err == nil && l.Skipped != "" {
				l.Skipped = abs
			}
		}
	}
	if explicit == NoFile {
		user = ""
	}
	if user != "" {
		if err := l.readLayer(read, RoleUser, user, explicit != ""); err != nil {
			return err
		}
	}
	if project == "" || sameFile(user, project) {
		return nil
	}
	return l.readLayer(read, RoleProject, project, o.ProjectFile != "")
}

func (l *Loaded) readLayer(read func(string) ([]byte, error), role Role, path string, mustExist bool) error {
	data, err := read(path)
	missing := errors.Is(err, fs.ErrNotExist)
	abs, absErr := filepath.Abs(path)
	if absErr != nil {
		abs = path
	}
	l.Files = append(l.Files, File{Path: abs, Role: role, Exists: !missing, data: data})
	if missing && !mustExist {
		return nil
	}
	if err != nil {
		return err
	}
	l.layers = append(l.layers, readFile(role, path, data, reader{dir: filepath.Dir(abs), home: l.env.home()}))
	return nil
}

func sameFile(a, b string) bool {
	x, err := os.Stat(a)
	if err != nil {
		return false
	}
	y, err := os.Stat(b)
	return err == nil && os.SameFile(x, y)
}

// readSettings makes the layer of the command line.
func readSettings(set map[string]string, r reader) *layer {
	l := newLayer(RoleCommandLine)
	for _, name := range slices.Sorted(maps.Keys(set)) {
		k, f, err := parseKey(name)
		if err != nil {
			l.errs = append(l.errs, err)
			continue
		}
		from := "--" + strings.ReplaceAll(name, "_", "-")
		l.setText(k, f, set[name], from, r)
	}
	return l
}

// warn adds warnings about the merged configuration.
func (l *Loaded) warn() {
	for _, p := range everyHost(l.Providers) {
		if to, address := p.address(); p.carriesKey() && !p.Loopback() && strings.HasPrefix(p.Endpoint(), "http://") {
			e, ok := l.lookupKey(key{p.Name, "hosts"})
			if !ok {
				e, _ = l.lookupKey(key{p.Name, to})
			}
			l.Warnings = append(l.Warnings, e.at(fmt.Sprintf("the key of %s travels unencrypted to %s", p.Name, address), "use https").Error())
		}
	}
	for _, s := range l.MCPServers {
		if s.carriesKey() && !s.Loopback() && strings.HasPrefix(s.URL, "http://") {
			e, _ := l.lookupKey(key{field: "mcp_servers"})
			l.Warnings = append(l.Warnings, e.at(fmt.Sprintf("the key of the MCP server %s travels unencrypted to %s", s.Name, s.URL), "use https").Error())
		}
	}
	for _, f := range l.Files {
		if f.Role == RoleUser && f.Exists && writableByOthers(f.Path) {
			l.Warnings = append(l.Warnings, fmt.Sprintf("%s: others may change it; run `chmod go-w %s`", f.Path, shellQuote(f.Path)))
		}
	}
}

// lookupKey returns the value that counts for k.
func (l *Loaded) lookupKey(k key) (entry, bool) {
	for _, layer := range slices.Backward(l.layers) {
		if e, ok := layer.values[k]; ok {
			return e, true
		}
	}
	return entry{}, false
}

// merged is what viper decodes into. Viper lower-cases keys, so providers go by
// number there.
type merged struct {
	Config    `mapstructure:",squash"`
	Providers map[string]Provider `mapstructure:"providers"`
}

// merge lays the layers over one another and returns the outcome.
func merge(layers []*layer) (*Config, error) {
	names := providerNames(layers)
	v := viper.NewWithOptions(viper.KeyDelimiter(delimiter))
	for _, l := range layers {
		for k, e := range l.values {
			switch path := viperKey(k, names); l.role {
			case RoleDefault:
				v.SetDefault(path, e.value)
			case RoleCommandLine:
				v.Set(path, e.value)
			default:
				if err := v.MergeConfigMap(tree(path, e.value)); err != nil {
					return nil, fmt.Errorf("merging %s: %w", k, err)
				}
			}
		}
	}
	for i, name := range names {
		v.Set(viperKey(key{name, "name"}, names), names[i])
	}
	var m merged
	err := v.Unmarshal(&m, func(c *mapstructure.DecoderConfig) {
		c.DecodeHook, c.WeaklyTypedInput, c.ErrorUnused = nil, false, true
	})
	if err != nil {
		return nil, fmt.Errorf("decoding the configuration: %w", err)
	}
	for i := range names {
		m.Config.Providers = append(m.Config.Providers, m.Providers[strconv.Itoa(i)])
	}
	return &m.Config, nil
}

// delimiter parts viper's keys; no name of ours holds it.
const delimiter = "::"

// viperKey is k as viper's path.
func viperKey(k key, names []string) string {
	path := strings.ReplaceAll(k.field, ".", delimiter)
	if k.provider == "" {
		return path
	}
	return "providers" + delimiter + strconv.Itoa(slices.Index(names, k.provider)) + delimiter + path
}

// tree is the nested map that has value at path.
func tree(path string, value any) map[string]any {
	parts := strings.Split(path, delimiter)
	for _, p := range slices.Backward(parts[1:]) {
		value = map[string]any{p: value}
	}
	return map[string]any{parts[0]: value}
}

// providerNames are the providers of all layers, earlier layers' first.
func providerNames(layers []*layer) (names []string) {
	for _, l := range layers {
		for _, n := range l.names {
			if !slices.Contains(names, n) {
				names = append(names, n)
			}
		}
	}
	return names
}
