package bench

import (
	"context"
	"fmt"

	"github.com/tandem-llm/tandem/chain"
	"github.com/tandem-llm/tandem/chain/template"
	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/internal/stack"
	"github.com/tandem-llm/tandem/provider"
)

// Tandem is the same work on the whole stack, assembled from configuration as
// the command line has it: the router and whatever stands between it and the
// provider are in it.
func Tandem(baseURL string) (Works, error) {
	stack, err := tandemStack(baseURL)
	if err != nil {
		return nil, err
	}
	play, err := chain.New(
		chain.Step{Name: "title", Prompt: titlePrompt},
		chain.Step{Name: "review", Prompt: reviewPrompt},
	)
	if err != nil {
		return nil, err
	}
	title, err := template.Parse(template.FString, titlePrompt)
	if err != nil {
		return nil, err
	}
	list, err := rendering(template.Mustache, mustacheText)
	if err != nil {
		return nil, err
	}
	loop, err := rendering(template.Jinja2, jinja2Text)
	if err != nil {
		return nil, err
	}
	each, err := tandemEach(items())
	if err != nil {
		return nil, err
	}
	rows, err := tandemBatch(baseURL)
	if err != nil {
		return nil, err
	}
	story := provider.Request{Messages: []provider.Message{provider.User(streamPrompt)}}
	return Works{
		Chain: func(ctx context.Context) (string, error) {
			out, err := play.Output(ctx, stack, variables())
			return out.Text, err
		},
		InProcess: func(ctx context.Context) (string, error) {
			out, err := play.Output(ctx, atOnce{}, variables())
			return out.Text, err
		},
		Each:  each,
		Batch: rows,
		Stream: func(ctx context.Context) (string, error) {
			answer, err := provider.Collect(stack.Chat(ctx, story))
			return answer.Text, err
		},
		FString: func(context.Context) (string, error) {
			return title.Render(template.Map(variables()))
		},
		Mustache: list,
		Jinja2:   loop,
	}, nil
}

// rendering is the work of a template with a list, compiled once.
func rendering(f template.Format, text string) (Work, error) {
	t, err := template.ParseWith(f, text, template.Options{AllowJinja2: true})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f, err)
	}
	return func(context.Context) (string, error) { return t.Render(template.Map(plays())) }, nil
}

// tandemStack is the stack of a configuration that has one provider.
func tandemStack(baseURL string) (*stack.Stack, error) {
	env := map[string]string{"OPENAI_BASE_URL": baseURL, "OPENAI_API_KEY": fakeKey}
	cfg, err := config.Load(config.LoadOptions{
		UserFile: config.NoFile,
		Env:      func(name string) (string, bool) { v, ok := env[name]; return v, ok },
		Set:      map[string]string{"use": config.OpenAIName, "providers.openai.model": fakeModel},
	})
	if err != nil {
		return nil, fmt.Errorf("the configuration: %w", err)
	}
	return stack.Open(cfg, stack.Options{})
}
