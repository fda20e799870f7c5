// Package config reads Tandem's configuration: which providers there are, who
// answers, and with what defaults. [Load] merges five layers, each over the
// one before it:
//
//	built-in defaults
//	the user's file      $XDG_CONFIG_HOME/tandem/config.yaml
//	the project's file   ./tandem.yaml, ./.tandem.yaml, or ./config.yaml if it is Tandem's
//	the environment      see [Variables]
//	the command line
//
// A provider of a later layer overrides the earlier one of the same name field
// by field. Two things do not follow that order: privacy and offline can only
// be tightened, never loosened; and what a project's file may do is bounded,
// see [Loaded.Demands], because somebody else wrote a cloned repository.
package config

import (
	"net/netip"
	"time"
)

// The kinds of provider.
const (
	KindOllama = "ollama" // Ollama's native API
	KindOpenAI = "openai" // any OpenAI-compatible /v1
)

// The values of privacy.
const (
	PrivacyAny   = "any"   // any provider of Use may answer
	PrivacyLocal = "local" // only what runs on this machine
)

// The values of on_cut, log, cache, while_loading and spill; the first of each
// is the default.
const (
	OnCutError   = "error"   // an answer that breaks off is an error
	OnCutRestart = "restart" // it starts again, with a notice

	LogFull = "full" // calls are logged with what was asked and answered
	LogMeta = "meta" // without it
	LogOff  = "off"

	CacheOff = "off"
	CacheOn  = "on" // a repeated question gets the cached answer, under conditions

	LoadingWait     = "wait"     // for a model that is not in memory
	LoadingFallback = "fallback" // the next provider answers meanwhile

	SpillWarn     = "warn" // of a model that does not fit the GPU
	SpillAllow    = "allow"
	SpillRefuse   = "refuse"
	SpillFallback = "fallback" // the next provider answers
)

// WindowAuto as NumCtx is the largest window that fits the memory.
const WindowAuto = -1

// Config is the merged configuration. Nil and empty mean "the engine's own
// default".
type Config struct {
	Use       []string   `mapstructure:"use"` // names of Providers: the first choice, then the fallbacks
	Providers []Provider `mapstructure:"-"`
	// Aliases are names for models. Only the user's own file may give any.
	Aliases Aliases `mapstructure:"aliases"`

	Temperature *float64 `mapstructure:"temperature"` // 0 to 2
	TopP        *float64 `mapstructure:"top_p"`       // 0 to 1
	Seed        *int64   `mapstructure:"seed"`
	MaxTokens   *int     `mapstructure:"max_tokens"` // at least 1
	Stop        []string `mapstructure:"stop"`
	Think       string   `mapstructure:"think"` // off, on, low, medium, high or empty

	Privacy string `mapstructure:"privacy"` // PrivacyAny or PrivacyLocal
	Offline bool   `mapstructure:"offline"` // refuse every connection that is not local
	// LocalNetworks count as this machine. Only the user's own file may name any.
	LocalNetworks []netip.Prefix `mapstructure:"local_networks"`

	Budget    Budget  `mapstructure:"budget"`
	Retries   *int    `mapstructure:"retries"`    // most retries of one provider, 0 to 10; nil: 2
	RetryPaid bool    `mapstructure:"retry_paid"` // retry a paid call that may have been charged
	OnCut     string  `mapstructure:"on_cut"`     // OnCutError or OnCutRestart
	MaxAnswer Size    `mapstructure:"max_answer"` // the longest answer; a project's file can only lower it
	Log       string  `mapstructure:"log"`        // LogFull, LogMeta or LogOff
	LogKeep   LogKeep `mapstructure:"log_keep"`
	Cache     string  `mapstructure:"cache"` // CacheOff or CacheOn

	// Gateway is what `tandem serve` runs. Only the user's own file may set it.
	Gateway Gateway `mapstructure:"gateway"`

	// Cluster is the cluster of nodes that `tandem batch --nodes` uses. Only the user's own
	// file may set it.
	Cluster Cluster `mapstructure:"cluster"`

	// MCPServers offer tools. Only the user's own file may name any.
	MCPServers []MCPServer `mapstructure:"mcp_servers"`
}

// Budget is the most that may be spent, in US dollars; nil: no limit. A
// project's file can only lower it.
type Budget struct {
	PerDay *float64 `mapstructure:"per_day_usd"` // from midnight, local time
	PerRun *float64 `mapstructure:"per_run_usd"` // one command or one chain
}

// LogKeep bounds the log; 0: no bound. Only the user's own file may set it.
type LogKeep struct {
	Age  Age  `mapstructure:"age"`  // runs that began longer ago are dropped
	Size Size `mapstructure:"size"` // bytes; the oldest runs beyond are dropped
}

// Gateway is the HTTP server that `tandem serve` runs.
type Gateway struct {
	Listen  string   `mapstructure:"listen"`  // an address with its port, or unix:PATH; empty: DefaultListen
	Hosts   []string `mapstructure:"hosts"`   // names besides the address that requests may be for
	Origins []string `mapstructure:"origins"` // web pages that may ask, scheme://host[:port]
	Chains  string   `mapstructure:"chains"`  // the folder of chains that are models; empty: that of saved chains
	Queue   int      `mapstructure:"queue"`   // questions that may wait for an engine; 0: the default
	// WindowPolicy is WindowKeep, WindowGrow or WindowExact; empty: WindowGrow.
	WindowPolicy string `mapstructure:"window_policy"`
}

// Cluster is a cluster of nodes, which is reached by NATS. Where URL is empty it is the
// one that this machine has joined.
type Cluster struct {
	URL   string `mapstructure:"url"`   // of a NATS server with JetStream, such as tls://nats.example.org:4222
	Creds string `mapstructure:"creds"` // the file with the credentials; empty: none are sent
	// Local is the user's word that all nodes of the cluster are machines that a prompt may
	// go to which has to stay on this one.
	Local bool `mapstructure:"local"`
}

// DefaultListen is where the gateway listens.
const DefaultListen = "127.0.0.1:11500"

// What becomes of a context window that a client asks the gateway for.
const (
	WindowKeep  = "keep"  // the loaded one stays, whatever is asked for
	WindowGrow  = "grow"  // it grows, in steps, for what does not fit
	WindowExact = "exact" // as the client asks
)

// Provider is one place where models run.
type Provider struct {
	Name  string `mapstructure:"name"`
	Kind  string `mapstructure:"kind"`  // KindOllama or KindOpenAI
	Model string `mapstructure:"model"` // asked for when a request names none
	// Hosts are the addresses of servers that answer as one, in place of Host or BaseURL;
	// see [Provider.Members].
	Hosts []Host `mapstructure:"hosts"`

	// For KindOllama.
	Host      string    `mapstructure:"host"`    // as OLLAMA_HOST
	NumCtx    int       `mapstructure:"num_ctx"` // context window in tokens, or WindowAuto
	KeepAlive *Duration `mapstructure:"keep_alive"`
	Managed   *bool     `mapstructure:"managed"` // start Ollama when nothing listens; nil: yes on loopback
	Idle      Duration  `mapstructure:"idle"`    // stop a managed Ollama after this long without use
	Binary    string    `mapstructure:"binary"`  // the ollama program; empty: looked for

	WhileLoading string `mapstructure:"while_loading"` // LoadingWait or LoadingFallback
	Spill        string `mapstructure:"spill"`         // SpillWarn, SpillAllow, SpillRefuse or SpillFallback

	// For KindOpenAI.
	BaseURL string `mapstructure:"base_url"`
	// Local is the user's word that the server runs its models itself: a server
	// on this machine may pass prompts on, which its address does not show.
	// Only the user's own file can set it, and it applies to the BaseURL
	// without the project's file.
	Local          bool   `mapstructure:"local"`
	APIKey         Ref    `mapstructure:"api_key"`        // where the key is, see [Loaded.Key]; empty: none is sent
	APIKeyHeader   string `mapstructure:"api_key_header"` // sent as it is in this header; empty: as the service wants it
	Organization   string `mapstructure:"organization"`
	Project        string `mapstructure:"project"`
	MaxTokensField string `mapstructure:"max_tokens_field"` // max_tokens, max_completion_tokens; empty: by the model's name
	Compat         Compat `mapstructure:"compat"`

	Price         Price `mapstructure:"price"`
	MaxConcurrent int   `mapstructure:"max_concurrent"` // most calls at a time, of each host; 0: no limit

	// Headers are sent with each call. A value is a text, or a reference to a
	// secret, see [IsRef] and [Loaded.Header]. Like TLS, only the user's own file
	// has them, and they hold for the address that the provider has without the
	// project's file.
	Headers Headers `mapstructure:"headers"`
	TLS     TLS     `mapstructure:"tls"`

	Options  Options  `mapstructure:"options"` // the engine's own sampling options, by the engine's names
	Timeouts Timeouts `mapstructure:"timeouts"`
}

// Options are an engine's own options. They are one value: a later layer
// replaces them as a whole.
type Options map[string]any

// Headers are HTTP headers, by name. They are one value, as Options are.
type Headers map[string]string

// TLS are files in PEM: absolute paths, or empty.
type TLS struct {
	CA   string `mapstructure:"ca"`   // certificates to trust besides the system's
	Cert string `mapstructure:"cert"` // the client's certificate
	Key  string `mapstructure:"key"`  // and its key
}

// Timeouts limit a provider's calls; 0 means the transport's default.
type Timeouts struct {
	Connect    Duration `mapstructure:"connect"`     // to reach the server
	FirstToken Duration `mapstructure:"first_token"` // from the call to the answer's first content
	Idle       Duration `mapstructure:"idle"`        // between two pieces of an answer
	Load       Duration `mapstructure:"load"`        // to bring a model into memory, apart from the call
	Total      Duration `mapstructure:"total"`       // from the call to the answer's end, retries included
}

// Price is what tokens cost, in US dollars per million; nil: not set.
type Price struct {
	Input       *float64 `mapstructure:"input"`
	CachedInput *float64 `mapstructure:"cached_input"` // nil: as Input
	Output      *float64 `mapstructure:"output"`

	// Stranger says that a part of it comes only from a project's file: it can
	// only raise what is known of the model otherwise.
	Stranger bool `mapstructure:"-"`
	// NotFree says that the user has a price for some model of the server,
	// while a project's file speaks of the provider: no model is free there.
	NotFree bool `mapstructure:"-"`
}

// Duration is a time span that prints as it is written in a file: 5m, not
// 5m0s. As keep_alive, a negative one means for ever.
type Duration time.Duration

// String is the shortest spelling; -1 is for ever.
func (d Duration) String() string {
	if d < 0 {
		return "-1"
	}
	s := time.Duration(d).String()
	for _, zero := range []string{"m0s", "h0m"} {
		if n := len(s) - len(zero); n > 0 && s[n:] == zero {
			s = s[:n+1]
		}
	}
	return s
}

// MarshalText makes JSON and YAML show what String shows.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// KeepsLocal reports whether every prompt has to stay on this machine, by privacy or
// because offline mode is on.
func (c *Config) KeepsLocal() bool { return c.Offline || c.Privacy == PrivacyLocal }

// Provider returns the provider of that name.
func (c *Config) Provider(name string) (Provider, bool) {
	for _, p := range c.Providers {
		if p.Name == name {
			return p, true
		}
	}
	return Provider{}, false
}
