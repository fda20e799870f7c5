package ollama

import (
	"math"
	"strconv"
	"time"

	"github.com/tandem-llm/tandem/internal/gateway/body"
	"github.com/tandem-llm/tandem/internal/gateway/exchange"
	"github.com/tandem-llm/tandem/provider"
)

// OptionParams are the members of options.
var OptionParams = exchange.Params{
	{Name: "temperature", Class: exchange.Honoured},
	{Name: "top_p", Class: exchange.Honoured},
	{Name: "seed", Class: exchange.Honoured, Note: "-1 means no seed"},
	{Name: "num_predict", Class: exchange.Honoured, Note: "below 1: no limit"},
	{Name: "stop", Class: exchange.Honoured},
	{Name: "num_ctx", Class: exchange.Honoured, Note: "as `window_policy` says: a request that fits the loaded window never reloads the model"},
	{Name: "top_k", Class: exchange.Honoured, Note: "where the engine can"},
	{Name: "min_p", Class: exchange.Honoured, Note: "where the engine can"},
	{Name: "typical_p", Class: exchange.Honoured, Note: "where the engine can"},
	{Name: "repeat_last_n", Class: exchange.Honoured, Note: "where the engine can"},
	{Name: "repeat_penalty", Class: exchange.Honoured, Note: "where the engine can"},
	{Name: "presence_penalty", Class: exchange.Honoured, Note: "where the engine can"},
	{Name: "frequency_penalty", Class: exchange.Honoured, Note: "where the engine can"},
	{Name: "num_keep", Class: exchange.Harmless, Note: "nothing is cut, so nothing has to be kept"},
	{Name: "num_batch", Class: exchange.Harmless, Note: "how a model is loaded is the configuration's affair"},
	{Name: "num_gpu", Class: exchange.Harmless, Note: "as num_batch"},
	{Name: "main_gpu", Class: exchange.Harmless, Note: "as num_batch"},
	{Name: "num_thread", Class: exchange.Harmless, Note: "as num_batch"},
	{Name: "use_mmap", Class: exchange.Harmless, Note: "as num_batch"},
	{Name: "draft_num_predict", Class: exchange.Harmless, Note: "as num_batch"},
}

// decodeOptions reads options. An option that Ollama does not have is ignored, as Ollama
// does, and named.
func decodeOptions(o body.Object, req *provider.Request) {
	opts, ok := o.Object("options")
	if !ok {
		return
	}
	req.Temperature, req.TopP = opts.Float("temperature", 0, 2), opts.Float("top_p", 0, 1)
	if n := opts.Int("seed", math.MinInt64, math.MaxInt64); n != nil && *n != -1 {
		req.Seed = n
	}
	if n := opts.Int("num_predict", math.MinInt32, math.MaxInt32); n != nil && *n > 0 {
		req.MaxTokens = provider.Ptr(int(*n))
	}
	for _, s := range opts.OneOrMore("stop") {
		if s != "" {
			req.Stop = append(req.Stop, s)
		}
	}
	for _, name := range []string{"num_ctx", "top_k", "repeat_last_n"} {
		lowest := int64(-1)
		if name == "num_ctx" {
			lowest = 1
		}
		if n := opts.Int(name, lowest, math.MaxInt32); n != nil {
			exchange.SetOption(req, name, int(*n))
		}
	}
	for _, name := range []string{"min_p", "typical_p", "repeat_penalty", "presence_penalty", "frequency_penalty"} {
		if f := opts.Float(name, -1000, 1000); f != nil {
			exchange.SetOption(req, name, *f)
		}
	}
}

// decodeFormat reads format: "json", a JSON Schema, or nothing.
func decodeFormat(o body.Object, req *provider.Request) {
	switch o.Kind("format") {
	case "":
	case body.KindString:
		switch v := o.Text("format"); v {
		case "":
		case "json":
			req.Schema = &provider.Schema{JSON: []byte(`{"type":"object"}`)}
		default:
			o.Failf("format", "it has to be json or a JSON Schema, not %q", v)
		}
	case body.KindObject:
		req.Schema = &provider.Schema{JSON: o.Raw("format")}
	default:
		o.Failf("format", "it has to be json or a JSON Schema, not %s", o.Kind("format"))
	}
}

// decodeThink reads think: true, false, or how much.
func decodeThink(o body.Object) provider.Thinking {
	switch o.Kind("think") {
	case "":
		return provider.ThinkDefault
	case body.KindBool:
		if o.True("think") {
			return provider.ThinkOn
		}
		return provider.ThinkOff
	case body.KindString:
		switch v := o.Text("think"); v {
		case "":
			return provider.ThinkDefault
		case "low", "medium", "high":
			return provider.Thinking(v)
		case "max":
			return provider.ThinkHigh
		}
	}
	o.Failf("think", `it has to be true, false, "low", "medium", "high" or "max"`)
	return ""
}

// forever is for how long a negative keep_alive keeps a model.
const forever = time.Duration(math.MaxInt64)

// keepAlive reads keep_alive: seconds, or a text such as "5m". Negative: for ever. Ok is
// false where there is none.
func keepAlive(o body.Object) (d time.Duration, ok bool) {
	var seconds float64
	switch o.Kind("keep_alive") {
	case "":
		return 0, false
	case body.KindNumber:
		f := o.Float("keep_alive", -math.MaxFloat64, math.MaxFloat64)
		if f == nil {
			return 0, false
		}
		seconds = *f
	case body.KindString:
		text := o.Text("keep_alive")
		if text == "" {
			return 0, false
		}
		d, err := time.ParseDuration(text)
		if err == nil {
			seconds = d.Seconds()
			break
		}
		if seconds, err = strconv.ParseFloat(text, 64); err != nil || math.IsNaN(seconds) {
			o.Failf("keep_alive", `it has to be a number of seconds or a duration such as "5m"; -1 is for ever`)
			return 0, false
		}
	default:
		o.Failf("keep_alive", `it has to be a number of seconds or a duration such as "5m", not %s`, o.Kind("keep_alive"))
		return 0, false
	}
	if seconds < 0 || seconds > forever.Seconds()/2 {
		return forever, true
	}
	return time.Duration(seconds * float64(time.Second)), true
}
