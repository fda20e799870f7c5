package cli

import (
	"errors"

	"github.com/spf13/pflag"

	"github.com/tandem-llm/tandem/internal/stack"
	"github.com/tandem-llm/tandem/provider"
)

// answerFlags say where answers come from besides the providers, and where
// they are kept; ask and run share them.
type answerFlags struct {
	record, replay string
	timing         bool
	cache, noCache bool
}

func (r *answerFlags) register(f *pflag.FlagSet) {
	f.StringVar(&r.record, "record", "", "record every request and answer in this `directory`, one file per call")
	f.StringVar(&r.replay, "replay", "", "answer from the recordings in this `directory`, without calling a provider")
	f.BoolVar(&r.timing, "replay-timing", false, "with --replay: take as long as the recorded call took")
	f.BoolVar(&r.cache, "cache", false, "reuse the stored answer to the same request, at any temperature")
	f.BoolVar(&r.noCache, "no-cache", false, "do not use the cache")
}

// options checks that the flags agree. Errors: usageError.
func (r *answerFlags) options() (stack.Answers, error) {
	out := stack.Answers{Record: r.record, Replay: r.replay, Timing: r.timing}
	var err error
	switch {
	case r.record != "" && r.replay != "":
		err = errors.New("use only one of --record and --replay")
	case r.timing && r.replay == "":
		err = errors.New("--replay-timing needs --replay")
	case r.cache && r.noCache:
		err = errors.New("use only one of --cache and --no-cache")
	case r.cache && r.record != "":
		err = errors.New("use only one of --record and --cache: --record needs answers from the providers")
	case r.cache && r.replay != "":
		err = errors.New("use only one of --replay and --cache: --replay answers from recordings")
	case r.cache || r.noCache:
		out.Cache = provider.Ptr(r.cache)
	}
	if err != nil {
		return out, usageError{err}
	}
	return out, nil
}
