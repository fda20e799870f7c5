package doctor

import "github.com/tandem-llm/tandem/config"

// PullCommand is the command that downloads a model to an Ollama. It names the provider
// unless that is the first one in use, where the command downloads to anyway. A nil cfg:
// it is.
func PullCommand(cfg *config.Loaded, name, model string) string {
	command := "tandem models pull " + model
	if cfg == nil {
		return command
	}
	for _, used := range UsedByDefault(cfg) {
		p, _ := cfg.Provider(used)
		switch {
		case used == name && len(p.Hosts) == 0: // several hosts are named, to say that each gets it
			return command
		case p.Kind == config.KindOllama:
			return command + " --provider " + name
		}
	}
	return command + " --provider " + name
}

// UsedByDefault are the providers in use; nil where the command line names them, for
// another command without that uses others.
func UsedByDefault(cfg *config.Loaded) []string {
	if use, err := cfg.Explain("use"); err == nil && use.Origin == "--use" {
		return nil
	}
	return cfg.Use
}
