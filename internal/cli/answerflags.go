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
	f.StringVar(&r.record, "record", "", "write what is asked and answered to this `directory`, a file a call")
	f.StringVar(&r.replay, "replay", "", "answer from the recordings in this `directory`, and ask no provider")
	f.BoolVar(&r.timing, "replay-timing", false, "with --replay: take the time that it took then")
	f.BoolVar(&r.cache, "cache", false, "the same question has the same answer again, whatever its temperature")
	f.BoolVar(&r.noCache, "no-cache", false, "ask, whatever the cache holds")
}

// options checks that the flags agree. Errors: usageError.
func (r *answerFlags) options() (stack.Answers, error) {
	out := stack.Answers{Record: r.record, Replay: r.replay, Timing: r.timing}
	var err error
	switch {
	case r.record != "" && r.replay != "":
		err = errors.New("--record asks and --replay does not; give one of them")
	case r.timing && r.replay == "":
		err = errors.New("--replay-timing needs --replay")
	case r.cache && r.noCache:
		err = errors.New("--cache and --no-cache contradict each other; give one of them")
	case r.cache && r.record != "":
		err = errors.New("--record writes what the providers answer, without --cache; give one of them")
	case r.cache && r.replay != "":
		err = errors.New("--replay answers from recordings, without --cache; give one of them")
	case r.cache || r.noCache:
		out.Cache = provider.Ptr(r.cache)
	}
	if err != nil {
		return out, usageError{err}
	}
	return out, nil
}
