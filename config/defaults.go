package config

import (
	"slices"
	"time"
)

// The built-in providers' names.
const (
	LocalName  = "local"
	OpenAIName = "openai"
)

// The models of the built-in providers, where nobody names another. `tandem setup`
// proposes the hosted one, too.
const (
	LocalModel  = "smollm2:135m"
	OpenAIModel = "gpt-6-luna"
)

// defaults is the first layer: two providers, of which the local one answers.
// Nothing leaves the machine until the user says so. Every provider of kind
// ollama has the same defaults but for the model.
func defaults(others []*layer, env lookup) *layer {
	l := newLayer(RoleDefault)
	top := func(name string, value any) { l.set(key{field: name}, entry{value: value, from: string(RoleDefault)}) }
	top("use", []string{LocalName})
	top("privacy", PrivacyAny)
	top("offline", false)
	top("on_cut", OnCutError)
	top("max_answer", Size(64<<20))
	top("log", LogFull)
	top("cache", CacheOff)
	top("retry_paid", false)
	for _, name := range providerNames(append([]*layer{{names: []string{LocalName, OpenAIName}}}, others...)) {
		l.name(name)
		set := func(field string, value any) {
			l.set(key{name, field}, entry{value: value, from: string(RoleDefault)})
		}
		builtin := map[string]string{LocalName: KindOllama, OpenAIName: KindOpenAI}[name]
		if builtin != "" {
			set("kind", builtin)
		}
		switch kind := kindOf(name, builtin, others); {
		case kind == KindOllama:
			host := env.or("OLLAMA_HOST", "127.0.0.1:11434")
			if _, err := hostEndpoint(host); err == nil {
				set("host", host)
			}
			set("num_ctx", 4096)
			set("keep_alive", Duration(5*time.Minute))
			set("idle", Duration(15*time.Minute))
			set("while_loading", LoadingWait)
			set("spill", SpillWarn)
			if name == LocalName {
				set("model", LocalModel)
			}
		case kind == KindOpenAI && name == OpenAIName:
			set("base_url", "https://api.openai.com/v1")
			set("model", OpenAIModel)
			set("api_key", Ref("env:OPENAI_API_KEY"))
		}
	}
	return l
}

// kindOf is a provider's kind: the last layer's word, or else the builtin one.
func kindOf(name, builtin string, layers []*layer) string {
	for _, l := range slices.Backward(layers) {
		if e, ok := l.values[key{name, "kind"}]; ok {
			return e.value.(string)
		}
	}
	return builtin
}

// Variable is an environment variable that sets a key.
type Variable struct {
	Name string
	Key  string // as `tandem config explain` takes it
}

// Variables are the environment variables that override the files. Besides
// them, TANDEM_CONFIG names the file to read in place of the usual ones, and
// HTTP_PROXY, HTTPS_PROXY and NO_PROXY are honoured for what is not loopback.
// An empty variable counts as unset, and quotation marks around a value are
// dropped. OPENAI_… and OLLAMA_HOST apply to the providers named openai and
// local, as long as these have that kind.
func Variables() []Variable {
	return []Variable{
		{"TANDEM_USE", "use"},
		{"TANDEM_TEMPERATURE", "temperature"},
		{"TANDEM_TOP_P", "top_p"},
		{"TANDEM_SEED", "seed"},
		{"TANDEM_MAX_TOKENS", "max_tokens"},
		{"TANDEM_THINK", "think"},
		{"TANDEM_PRIVACY", "privacy"},
		{"TANDEM_OFFLINE", "offline"},
		{"TANDEM_LOG", "log"},
		{"OPENAI_BASE_URL", "providers.openai.base_url"},
		{"OPENAI_ORG_ID", "providers.openai.organization"},
		{"OPENAI_PROJECT_ID", "providers.openai.project"},
		{"OLLAMA_HOST", "providers.local.host"},
	}
}

// readEnvironment makes the environment's layer. Explicit values of its own
// take viper's BindEnv's place: that reads the process's environment only, and
// takes any text for any key.
func readEnvironment(env lookup, files []*layer) *layer {
	l := newLayer(RoleEnvironment)
	for _, v := range Variables() {
		text := unquoted(env.or(v.Name, ""))
		k, f, err := parseKey(v.Key)
		if err != nil || text == "" {
			continue
		}
		builtin := map[string]string{LocalName: KindOllama, OpenAIName: KindOpenAI}[k.provider]
		if f.kind != "" && f.kind != kindOf(k.provider, builtin, files) {
			continue
		}
		l.setText(k, f, text, v.Name, reader{home: env.home()})
	}
	return l
}
