package cli

import (
	"fmt"
	"strings"
)

// planTotal is what the prompts of a chain come to, where each step is answered by the
// first who may.
type planTotal struct {
	Requests  int      `json:"requests"`
	Tokens    int      `json:"prompt_tokens"`
	USD       *float64 `json:"prompt_usd"`              // null: a price is not known
	Answers   bool     `json:"holds_answers,omitempty"` // the prompts hold earlier answers, which are not in the sum
	Per       []string `json:"per,omitempty"`           // steps that count once, but run for each element or round
	Optional  []string `json:"optional,omitempty"`      // steps that count, but some runs leave out
	estimated bool     // no tokenizer has counted all
}

// totalOf adds up the steps; a lookup and a step that nobody may answer count nothing.
func totalOf(steps []planStep) *planTotal {
	usd := 0.0
	t := &planTotal{USD: &usd}
	for _, s := range steps {
		if s.Collection != "" {
			continue
		}
		for _, c := range s.Candidates {
			if !c.Keep {
				continue
			}
			t.Requests += s.Times
			t.Tokens += c.PromptTokens * s.Times
			t.estimated, t.Answers = t.estimated || c.Estimated, t.Answers || s.Answers
			switch {
			case c.PromptUSD == nil:
				t.USD = nil
			case t.USD != nil:
				*t.USD += *c.PromptUSD * float64(s.Times)
			}
			if s.Per != "" {
				t.Per = append(t.Per, s.Name)
			}
			if s.Optional {
				t.Optional = append(t.Optional, s.Name)
			}
			break
		}
	}
	return t
}

// String is such as "total: 12 requests, ~340 tokens of prompts, $0.000100, plus answers".
func (t *planTotal) String() string {
	text := fmt.Sprintf("total: %s, ", count(t.Requests, "request"))
	if t.estimated {
		text += "~"
	}
	text += count(t.Tokens, "token") + " of prompts"
	if t.Answers {
		text += " + answers in them"
	}
	switch {
	case t.USD == nil:
		text += ", cost unknown"
	case *t.USD == 0:
		text += ", free"
	default:
		text += fmt.Sprintf(", $%.6f plus answers", *t.USD)
	}
	if len(t.Per) > 0 {
		text += "; counted once, but may run often: " + strings.Join(t.Per, ", ")
	}
	if len(t.Optional) > 0 {
		text += "; counted, but may be left out: " + strings.Join(t.Optional, ", ")
	}
	return text
}
