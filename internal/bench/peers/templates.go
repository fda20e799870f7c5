package main

import (
	"context"

	"github.com/cbroglie/mustache"
	"github.com/nikolalohinski/gonja/v2"
	"github.com/nikolalohinski/gonja/v2/exec"
)

// The templates with a list, as internal/bench has them.
const (
	mustacheText = "Plays by {{author}}:\n{{#plays}}- {{title}}, set in {{city}}\n{{/plays}}Which one is about {{subject}}?"
	jinja2Text   = "Plays by {{ author }}:\n{% for play in plays %}- {{ play.title }}, set in {{ play.city }}\n{% endfor %}Which one is about {{ subject }}?"
)

// plays are their values, made anew each time.
func plays() map[string]any {
	list := make([]any, len(titles))
	for i := range list {
		list[i] = map[string]any{"title": titles[i], "city": "Rome"}
	}
	return map[string]any{"author": "Nobody", "subject": "apples", "plays": list}
}

var titles = [...]string{"The Core", "The Peel", "The Stem", "The Pip", "The Worm"}

// mustacheWorks uses cbroglie/mustache, the template compiled once.
func mustacheWorks(context.Context, string) (map[string]work, error) {
	t, err := mustache.ParseStringRaw(mustacheText, true) // as a prompt is: nothing is escaped
	if err != nil {
		return nil, err
	}
	return map[string]work{"mustache": func(context.Context) (string, error) { return t.Render(plays()) }}, nil
}

// gonjaWorks uses gonja, the template compiled once.
func gonjaWorks(context.Context, string) (map[string]work, error) {
	t, err := gonja.FromString(jinja2Text)
	if err != nil {
		return nil, err
	}
	return map[string]work{"jinja2": func(context.Context) (string, error) {
		return t.ExecuteToString(exec.NewContext(plays()))
	}}, nil
}
