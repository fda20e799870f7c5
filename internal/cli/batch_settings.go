package cli

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/tandem-llm/tandem/chain"
	"github.com/tandem-llm/tandem/internal/batch"
	"github.com/tandem-llm/tandem/internal/stack"
	"github.com/tandem-llm/tandem/provider"
)

// chainSource is a chain's file, with the digest of all that it is made of.
func chainSource(c *chain.Chain, file string) (batch.Source, error) {
	abs, err := filepath.Abs(file)
	if err != nil {
		return batch.Source{}, err
	}
	sum := sha256.New()
	src := batch.Source{Name: c.Name(), File: abs}
	for i, name := range append([]string{file}, c.Files()...) {
		if i > 0 && name == file {
			continue
		}
		data, err := os.ReadFile(name)
		if err != nil {
			return batch.Source{}, err
		}
		if i == 0 {
			src.Text, src.Size = string(data), int64(len(data))
		}
		rel, err := filepath.Rel(filepath.Dir(file), name)
		if err != nil {
			rel = name
		}
		fmt.Fprintf(sum, "%s %d\n", filepath.ToSlash(rel), len(data))
		_, _ = sum.Write(data) // it never fails
	}
	src.Digest = hex.EncodeToString(sum.Sum(nil))
	return src, nil
}

// settingsOf are what besides the chain and its inputs decides the answers, by
// name: also those of the providers that are asked for by their names.
func settingsOf(providers []string, st *stack.Stack, defaults provider.Request, sources stack.Answers) map[string]string {
	cfg := st.Config()
	out := map[string]string{"use": strings.Join(cfg.Use, ","), "privacy": cfg.Privacy, "replay": sources.Replay}
	use := slices.Concat(cfg.Use, providers, defaults.Use)
	for _, name := range use {
		t, ok := st.Target(name)
		if !ok {
			continue
		}
		pc, endpoint := t.Config, t.Endpoint
		if len(pc.Hosts) > 0 {
			endpoint = "" // hosts come and go, and have the same model
		}
		for key, value := range map[string]any{
			"kind": pc.Kind, "model": pc.Model, "endpoint": endpoint, "num_ctx": windowSetting(pc.NumCtx), "options": pc.Options,
		} {
			out[name+"."+key] = settingText(value)
		}
	}
	for key, value := range map[string]any{
		"temperature": defaults.Temperature, "top_p": defaults.TopP, "seed": defaults.Seed, "max_tokens": defaults.MaxTokens,
		"stop": defaults.Stop, "think": defaults.Think, "model": strings.Trim(strings.Join(defaults.Use, ",")+"/"+defaults.Model, "/"), "options": defaults.Options,
	} {
		out[key] = settingText(value)
	}
	maps.DeleteFunc(out, func(_, v string) bool { return v == "" })
	return out
}

// windowSetting is num_ctx, of which 0 is unset.
func windowSetting(tokens int) any {
	if tokens == 0 {
		return nil
	}
	return tokens
}

// settingText is a setting for a reader; "" where it is not set.
func settingText(v any) string {
	text := jsonText(v)
	if slices.Contains([]string{"null", "{}", "[]"}, text) {
		return ""
	}
	return strings.Trim(text, `"`)
}

// jsonText is a text as it is, and anything else as JSON.
func jsonText(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	data, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return string(data)
}

// differing are the names of the settings that differ, sorted.
func differing(before, now map[string]string) []string {
	names := maps.Clone(before)
	if names == nil {
		names = map[string]string{}
	}
	maps.Copy(names, now)
	return slices.DeleteFunc(slices.Sorted(maps.Keys(names)), func(name string) bool { return before[name] == now[name] })
}

func orUnset(value string) string {
	if value == "" {
		return "unset"
	}
	return value
}

// notKept are the flags of a batch that are not kept with it: what they say is
// stored, or holds for one run of it.
var notKept = []string{
	"in", "encoding", "out", "param", "where", "limit", "sample", "sample-seed", "overwrite", "resume", "retry-failed", "accept-changes",
	"deadline", "json", "dry-run", "rescore", "quiet", "verbose", "color",
}

// keptFlags are the flags that were given, for whoever resumes the batch.
func keptFlags(flags *pflag.FlagSet) []string {
	var out []string
	flags.Visit(func(f *pflag.Flag) {
		if slices.Contains(notKept, f.Name) {
			return
		}
		switch v := f.Value.(type) {
		case pflag.SliceValue:
			for _, s := range v.GetSlice() {
				out = append(out, "--"+f.Name+"="+absolute(f.Name, s))
			}
		case *optionFlags:
			for _, key := range slices.Sorted(maps.Keys(*v)) {
				out = append(out, fmt.Sprintf("--%s=%s=%s", f.Name, key, jsonText((*v)[key])))
			}
		default:
			out = append(out, "--"+f.Name+"="+absolute(f.Name, v.String()))
		}
	})
	return out
}

// absolute is a flag's value as it holds in any directory.
func absolute(flag, value string) string {
	if value == "none" || value == "" || !slices.Contains([]string{"config", "record", "replay", "checks", "json-schema", "prompt", "html", "csv", "junit", "md", "labels"}, flag) {
		return value
	}
	if _, err := os.Stat(value); err != nil && flag == "prompt" {
		return value // the name of a saved chain
	}
	if abs, err := filepath.Abs(value); err == nil {
		return abs
	}
	return value
}

// restoreFlags reads the flags that a batch was started with, and those that are
// given now in the place of them.
func (a *app) restoreFlags(kept, given []string) (batchInput, error) {
	var in batchInput
	err := a.restore("batch", in.register, kept, given)
	return in, err
}
