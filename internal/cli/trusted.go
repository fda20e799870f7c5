package cli

import (
	"github.com/spf13/pflag"

	"github.com/tandem-llm/tandem/chain"
)

// trusted is what a user takes from the files that he names.
type trusted struct{ jinja2 bool }

func (t *trusted) register(f *pflag.FlagSet) {
	f.BoolVar(&t.jinja2, "allow-jinja2", false, "allow jinja2 templates, which are programs, in the files")
}

// load are the options with which a file is loaded.
func (t *trusted) load() []chain.LoadOption {
	if t.jinja2 {
		return []chain.LoadOption{chain.AllowJinja2()}
	}
	return nil
}
