package config

import (
	"slices"
	"strings"
	"time"

	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/internal/yamlx"
)

// key names one value: a field at the top, or a field of a provider.
type key struct {
	provider string // empty: a top field
	field    string // timeouts have a field each: "timeouts.connect"
}

// String is the key as `tandem config explain` takes it.
func (k key) String() string {
	if k.provider == "" {
		return k.field
	}
	return "providers." + k.provider + "." + k.field
}

// field is a key's meaning: which provider kind has it, and how its value is
// read. read returns nil after recording a mistake.
type field struct {
	name string
	kind string // empty: every kind
	read func(r reader, m yamlx.Map, name string) any
}

// topFields are the keys at the top, providers apart, in the order of
// `tandem config show`.
func topFields() []field {
	return []field{
		{"use", "", readNames},
		{"aliases", "", readAliases},
		{"temperature", "", readNumber(0, 2)},
		{"top_p", "", readNumber(0, 1)},
		{"seed", "", readSeed},
		{"max_tokens", "", readCount},
		{"stop", "", readTexts},
		{"think", "", readOneOf("off", "on", "low", "medium", "high")},
		{"privacy", "", readOneOf(PrivacyAny, PrivacyLocal)},
		{"offline", "", readBool},
		{"local_networks", "", readNetworks},
		{"budget.per_day_usd", "", readMoney},
		{"budget.per_run_usd", "", readMoney},
		{"retries", "", readRetries},
		{"retry_paid", "", readBool},
		{"on_cut", "", readOneOf(OnCutError, OnCutRestart)},
		{"max_answer", "", readSize(1 << 30)},
		{"log", "", readOneOf(LogFull, LogMeta, LogOff)},
		{"log_keep.age", "", readAge},
		{"log_keep.size", "", readSize(1 << 40)},
		{"cache", "", readOneOf(CacheOff, CacheOn)},
		{"gateway.listen", "", readText},
		{"gateway.hosts", "", readTexts},
		{"gateway.origins", "", readTexts},
		{"gateway.chains", "", readText},
		{"gateway.queue", "", readCount},
		{"gateway.window_policy", "", readOneOf(WindowKeep, WindowGrow, WindowExact)},
		{"cluster.url", "", readText},
		{"cluster.creds", "", readFilePath},
		{"cluster.local", "", readBool},
		{"mcp_servers", "", readServers},
	}
}

// providerFields are the keys of a provider after its name.
func providerFields() []field {
	return []field{
		{"kind", "", readOneOf(KindOllama, KindOpenAI)},
		{"host", KindOllama, readHost},
		{"base_url", KindOpenAI, readBaseURL},
		{"hosts", "", readHosts},
		{"local", KindOpenAI, readBool},
		{"model", "", readText},
		{"api_key", KindOpenAI, readRef},
		{"api_key_header", KindOpenAI, readHeaderName},
		{"organization", KindOpenAI, readText},
		{"project", KindOpenAI, readText},
		{"max_tokens_field", KindOpenAI, readOneOf("max_tokens", "max_completion_tokens")},
		{"compat", KindOpenAI, readCompat},
		{"num_ctx", KindOllama, readWindow},
		{"keep_alive", KindOllama, readKeepAlive},
		{"managed", KindOllama, readBool},
		{"idle", KindOllama, readIdle},
		{"binary", KindOllama, readProgram},
		{"while_loading", KindOllama, readOneOf(LoadingWait, LoadingFallback)},
		{"spill", KindOllama, readOneOf(SpillAllow, SpillWarn, SpillRefuse, SpillFallback)},
		{"price.input", KindOpenAI, readMoney},
		{"price.cached_input", KindOpenAI, readMoney},
		{"price.output", KindOpenAI, readMoney},
		{"headers", "", readHeaders},
		{"tls.ca", "", readFilePath},
		{"tls.cert", "", readFilePath},
		{"tls.key", "", readFilePath},
		{"max_concurrent", "", readCount},
		{"options", "", readOptions},
		{"timeouts.connect", "", readDuration},
		{"timeouts.load", KindOllama, readDuration},
		{"timeouts.first_token", "", readDuration},
		{"timeouts.idle", "", readDuration},
		{"timeouts.total", "", readDuration},
	}
}

// fieldNames are the names a mapping may have: those of fields, where a dotted
// one counts by its first part, and more.
func fieldNames(fields []field, more ...string) []string {
	names := more
	for _, f := range fields {
		head, _, dotted := strings.Cut(f.name, ".")
		if !dotted || names[len(names)-1] != head {
			names = append(names, head)
		}
	}
	return names
}

func findField(fields []field, name string) (field, bool) {
	for _, f := range fields {
		if f.name == name {
			return f, true
		}
	}
	return field{}, false
}

// parseKey reads a key such as temperature or providers.local.model. A
// provider's name may have dots: where the text can be read in two ways, the
// provider is one of names, or else the shorter.
func parseKey(text string, names ...string) (key, field, error) {
	unknown := func(word string, known []string) (key, field, error) {
		return key{}, field{}, &diag.Error{Message: "unknown key " + diag.Quote(word), Remedy: diag.Suggest(word, known)}
	}
	rest, ok := strings.CutPrefix(text, "providers.")
	if !ok {
		if f, ok := findField(topFields(), text); ok {
			return key{field: text}, f, nil
		}
		return unknown(text, fieldNames(topFields(), "providers.NAME.KEY"))
	}
	var found key
	var meant field
	for _, f := range providerFields() {
		name, ok := strings.CutSuffix(rest, "."+f.name)
		if ok && ValidName(name) && (slices.Contains(names, name) || len(f.name) > len(found.field) && !slices.Contains(names, found.provider)) {
			found, meant = key{name, f.name}, f
		}
	}
	if found.field != "" {
		return found, meant, nil
	}
	last := rest[strings.LastIndex(rest, ".")+1:]
	return unknown(last, fieldNames(providerFields()))
}

// forever is keep_alive's -1.
const forever = Duration(-1 * time.Nanosecond)

// ValidName reports whether name can be the name of a provider or a key: names
// appear in -m NAME/MODEL, in lists with commas, and in the names of files.
// What looks like a key is not a name.
func ValidName(name string) bool {
	ok := name != "" && !LooksLikeKey(name) && len(name) <= 64 && strings.Trim(name[:1], ".-_") != ""
	for _, r := range name {
		ok = ok && (r == '.' || r == '-' || r == '_' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z')
	}
	return ok
}
