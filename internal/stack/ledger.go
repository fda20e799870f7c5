package stack

import (
	"cmp"
	"context"
	"errors"
	"net/url"
	"strings"
	"time"

	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/internal/ollamahost"
	"github.com/tandem-llm/tandem/internal/store"
	"github.com/tandem-llm/tandem/provider/ledger"
)

// openLog prepares the log and the budget. It opens no file.
func (s *Stack) openLog() error {
	limits := s.limits()
	dir := s.options.StateDir
	if dir == "" {
		if limits.Set() {
			return errors.New("a budget is set, but there is no directory to keep it in")
		}
		return nil
	}
	if s.writer == nil {
		s.writer = store.NewWriter(store.New(dir))
		if s.warn != nil {
			s.writer.Warn = func(lost *store.Lost) { s.warnUnwritten(lost) }
		}
	}
	s.book = store.NewBook(s.writer, limits)
	return nil
}

func (s *Stack) limits() store.Limits {
	return store.Limits{PerDay: s.cfg.Budget.PerDay, PerRun: s.cfg.Budget.PerRun}
}

// writesCosts reports whether every call's cost is written down. Those of callers with a
// budget of their own always are.
func (s *Stack) writesCosts() bool {
	return s.writer != nil && (s.cfg.Log != config.LogOff || s.limits().Set())
}

// boundLog bounds the log, once nothing can refuse the configuration any more:
// what was dropped for another one is gone.
func (s *Stack) boundLog() {
	if s.writer != nil {
		s.writer.SetKeep(store.Keep{Age: time.Duration(s.cfg.LogKeep.Age), Size: int64(s.cfg.LogKeep.Size)})
	}
}

func (s *Stack) ledgerConfig(a *adapter) ledger.Config {
	t := &a.Configured
	c := ledger.Config{
		Tariff: tariff(t.Config), Options: t.Config.Options, Local: s.local(t), Baseline: s.baseline(),
		Unpriced: s.unpriced(t), Budget: s.limits().Set(),
	}
	switch {
	case a.pool != nil && a.isOllama():
		c.RunsRemotely = a.runsRemotely
	case a.ollama != nil:
		c.RunsRemotely = a.ollama.RunsRemotely
	default: // which may be an Ollama, too
		c.RunsRemotely = func(_ context.Context, model string) bool {
			return ollamahost.CloudModel(cmp.Or(model, t.Config.Model))
		}
	}
	if s.book != nil {
		c.Callers = s.book
	}
	if s.writesCosts() {
		c.Book = s.book
	}
	return c
}

// unpriced is what to do about a provider without a price.
func (s *Stack) unpriced(t *Configured) string {
	price := t.Config.Price
	priced := price.NotFree || price.Input != nil || price.CachedInput != nil || price.Output != nil
	if t.Config.Kind != config.KindOpenAI || t.Config.Local || priced || !t.Config.Loopback() {
		return ""
	}
	return "if " + t.Endpoint + " runs its models on this machine, " + s.cfg.LocalRemedy(t.Config.Name) + "; else set its `price` there"
}

// baseline is the first provider of `use` that is not free.
func (s *Stack) baseline() *ledger.Baseline {
	for _, name := range s.cfg.Use {
		pc, ok := s.cfg.Provider(name)
		if !ok {
			continue
		}
		if f := tariff(pc); f.PriceOf("", "").Known {
			return &ledger.Baseline{Name: name, Tariff: f}
		}
	}
	return nil
}

// tariff is what a provider's configuration says about its price. The
// built-in list is OpenAI's own.
func tariff(pc config.Provider) ledger.Tariff {
	u, err := url.Parse(pc.BaseURL)
	tier, _ := pc.Options["service_tier"].(string)
	return ledger.Tariff{
		Model:    pc.Model,
		Override: ledger.PriceOverride{Input: pc.Price.Input, CachedInput: pc.Price.CachedInput, Output: pc.Price.Output},
		Listed:   err == nil && pc.Kind == config.KindOpenAI && strings.EqualFold(u.Hostname(), "api.openai.com"),
		Raises:   pc.Price.Stranger, Priced: pc.Price.NotFree, Tier: tier,
	}
}

func (s *Stack) logConfig() store.LogConfig {
	return store.LogConfig{
		Writer: s.writer, Content: s.cfg.Log != config.LogMeta, Tandem: s.options.Version,
		Redact: s.Redact, Manifest: (&manifests{stack: s}).of,
	}
}

// Redact takes secrets out of a text that is about to be kept.
func (s *Stack) Redact(text string) string { return s.secrets.Text(text) }

// flushLog waits until what was asked is written down, and says if it was not.
func (s *Stack) flushLog() {
	if s.writer == nil {
		return
	}
	told := make(chan struct{})
	slow := time.AfterFunc(time.Second, func() {
		defer close(told)
		if s.options.Progress != nil {
			s.options.Progress("still writing the log, " + s.writer.Store().Path() + "; press Ctrl-C twice to quit without it")
		}
	})
	defer func() {
		if !slow.Stop() {
			<-told // nothing is told after the end
		}
	}()
	if err := s.writer.Close(); err != nil && s.warn != nil {
		s.warnUnwritten(err)
	}
}

func (s *Stack) warnUnwritten(err error) {
	s.warn("the log is incomplete: some calls and their costs could not be written: " + err.Error() + " (`log: off` writes none)")
}

// Writable is why what is to be written down cannot be; nil where nothing is. It waits
// for who is writing until ctx ends.
func (s *Stack) Writable(ctx context.Context) error {
	if !s.writesCosts() {
		return nil
	}
	return s.writer.Store().Writable(ctx)
}

// LogSize is the log's file and about how many bytes of it its runs take; 0
// where nothing is logged.
func (s *Stack) LogSize(ctx context.Context) (file string, bytes int64, err error) {
	if !s.writesCosts() {
		return "", 0, nil
	}
	bytes, err = s.writer.Store().LogSize(ctx)
	return s.writer.Store().Path(), bytes, err
}
