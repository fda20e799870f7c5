package cli

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/internal/textx"
)

// optionType is what values an engine's own option takes.
type optionType string

const (
	optionText   optionType = "text"
	optionWhole  optionType = "whole number"
	optionNumber optionType = "number"
	optionBool   optionType = "boolean (true or false)"
	optionTexts  optionType = "list of texts"
)

// optionTypes are the types of the options that Ollama and the OpenAI API
// document. Where both have an option, it has one type.
func optionTypes() map[string]optionType {
	return map[string]optionType{
		"user": optionText, "safety_identifier": optionText, "prompt_cache_key": optionText, "prompt_cache_retention": optionText,
		"service_tier": optionText, "reasoning_effort": optionText, "verbosity": optionText, "suffix": optionText, "grammar": optionText,
		"n": optionWhole, "best_of": optionWhole, "top_logprobs": optionWhole, "max_tokens": optionWhole, "max_completion_tokens": optionWhole,
		"seed": optionWhole, "top_k": optionWhole, "num_keep": optionWhole, "num_predict": optionWhole, "repeat_last_n": optionWhole,
		"num_ctx": optionWhole, "num_batch": optionWhole, "num_gpu": optionWhole, "main_gpu": optionWhole, "num_thread": optionWhole, "draft_num_predict": optionWhole,
		"temperature": optionNumber, "top_p": optionNumber, "min_p": optionNumber, "typical_p": optionNumber, "repeat_penalty": optionNumber,
		"presence_penalty": optionNumber, "frequency_penalty": optionNumber,
		"store": optionBool, "parallel_tool_calls": optionBool, "use_mmap": optionBool,
		"stop": optionTexts,
	}
}

// nearOption asks whether another option was meant than the one of that name; "": that one
// is known, or no other is near.
func nearOption(name string) string {
	types := optionTypes()
	if _, known := types[name]; known || name == "" {
		return ""
	}
	if near, ok := diag.Nearest(name, slices.Collect(maps.Keys(types))); ok {
		return fmt.Sprintf("did you mean %s?", near)
	}
	return ""
}

// optionFlags are the options that -o key=value gives; the last value of a key
// counts.
type optionFlags map[string]any

// String is empty: there is no default.
func (o optionFlags) String() string { return "" }

// Type names the value in help texts.
func (o optionFlags) Type() string { return "key=value" }

// Set reads one key=value.
func (o *optionFlags) Set(text string) error {
	name, text, ok := strings.Cut(text, "=")
	if !ok || name == "" {
		return errors.New("expected key=value, such as -o top_k=20")
	}
	value, err := optionValue(name, text)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if *o == nil {
		*o = optionFlags{}
	}
	(*o)[name] = value
	return nil
}

// optionValue reads the value of an engine's own option: by the option's type
// where that is known, else as JSON, else as text.
func optionValue(name, text string) (any, error) {
	typ := optionTypes()[name]
	value, _, err := textx.DecodeJSON(text)
	isJSON := err == nil
	switch typ {
	case optionText:
		if quoted, ok := value.(string); ok {
			return quoted, nil
		}
		return text, nil
	case optionWhole:
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			return n, nil
		}
	case optionNumber:
		if x, err := strconv.ParseFloat(text, 64); err == nil && !math.IsNaN(x) && !math.IsInf(x, 0) {
			return x, nil
		}
	case optionBool:
		if b, err := strconv.ParseBool(text); err == nil {
			return b, nil
		}
	case optionTexts:
		if list, ok := value.([]any); ok {
			return list, nil
		}
		if quoted, ok := value.(string); ok {
			text = quoted
		}
		return []any{text}, nil
	default:
		x, err := strconv.ParseFloat(text, 64)
		switch {
		case isJSON:
			return value, nil
		case math.IsNaN(x) || err == nil && math.IsInf(x, 0):
			return nil, fmt.Errorf("JSON has no number %s; write '%q' if it is a string", strings.TrimSpace(text), text)
		}
		return text, nil
	}
	return nil, fmt.Errorf("expected a %s, found %s", typ, diag.Quote(text))
}
