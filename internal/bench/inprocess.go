package bench

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/tandem-llm/tandem/chain"
	"github.com/tandem-llm/tandem/provider"
)

// What is here is done on a model inside the process and answers at once,
// so that what is measured is the layer between a program and its model alone.

// model is the floor's model: a function. It is a variable, as a program's
// would be, so that the compiler cannot put it into its caller.
var model = func(_ context.Context, prompt string) (string, error) {
	if prompt == "" {
		return "", fmt.Errorf("the prompt is empty")
	}
	return layerAnswer, nil
}

const layerAnswer = "The Apple of the Forum"

func floorLayer(ctx context.Context) (string, error) {
	title, err := model(ctx, fmt.Sprintf(titleFormat, subject, city))
	if err != nil {
		return "", err
	}
	return model(ctx, fmt.Sprintf(reviewFormat, title))
}

// floorEach is the loop over items that one writes by hand: a few goroutines,
// each with the next item, and the first error.
func floorEach(list []any) Work {
	return func(ctx context.Context) (string, error) {
		ctx, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		answers := make([]string, len(list))
		var next atomic.Int64
		var all sync.WaitGroup
		for range eachAtOnce {
			all.Go(func() {
				for i := next.Add(1) - 1; i < int64(len(list)) && ctx.Err() == nil; i = next.Add(1) - 1 {
					answer, err := model(ctx, fmt.Sprintf(itemFormat, list[i]))
					if err != nil {
						cancel(err)
						return
					}
					answers[i] = answer
				}
			})
		}
		all.Wait()
		return answers[len(list)-1], context.Cause(ctx)
	}
}

// floorPlays writes what the templates with a list make.
func floorPlays(context.Context) (string, error) {
	values := plays()
	var b strings.Builder
	fmt.Fprintf(&b, "Plays by %s:\n", values["author"])
	for _, p := range values["plays"].([]any) {
		play := p.(map[string]any)
		fmt.Fprintf(&b, "- %s, set in %s\n", play["title"], play["city"])
	}
	fmt.Fprintf(&b, "Which one is about %s?", values["subject"])
	return b.String(), nil
}

// tandemEach is a chain of one step with an each.
func tandemEach(list []any) (Work, error) {
	c, err := chain.New(chain.Step{Name: "answers", Prompt: itemPrompt, Each: "items", Concurrency: eachAtOnce})
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) (string, error) {
		out, err := c.Output(ctx, atOnce{}, map[string]any{"items": list})
		if err != nil {
			return "", err
		}
		values := out.Value.([]any)
		return values[len(values)-1].(string), nil
	}, nil
}

// atOnce is the same model as a provider: it keeps the contract, and no more.
type atOnce struct{}

var _ provider.Provider = atOnce{}

func (atOnce) Name() string { return "at once" }

func (atOnce) Models(context.Context) ([]provider.Model, error) { return nil, nil }

func (atOnce) Chat(ctx context.Context, req provider.Request) iter.Seq2[provider.Chunk, error] {
	prompt := req.Messages[len(req.Messages)-1].Text
	return func(yield func(provider.Chunk, error) bool) {
		text, err := model(ctx, prompt)
		if err != nil {
			yield(provider.Chunk{}, err)
			return
		}
		yield(provider.Chunk{
			Text: text, Finish: provider.FinishStop,
			Route: &provider.Route{Provider: "at once", Model: fakeModel, Local: true, Reason: "asked directly"},
		}, nil)
	}
}
