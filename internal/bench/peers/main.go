// Command peers does the bench's work with other libraries: a worker as
// internal/bench has them, in a module of its own, so that their dependencies
// stay out of Tandem's. It takes the library's name and the base URL.
package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
)

// work does one piece of work and returns its answer.
type work func(context.Context) (string, error)

// The prompts, as internal/bench has them.
const (
	titlePrompt  = "Write a title for a play about {subject} set in {city}."
	reviewPrompt = "Write a review of this play: {title}"
	streamPrompt = "Tell me a story."
	modelName    = "fake"
	key          = "sk-not-a-key"
)

// layerAnswer is what a model in the process answers, as internal/bench's does.
const layerAnswer = "The Apple of the Forum"

// variables makes the map anew each time, as a program would.
func variables() map[string]any { return map[string]any{"subject": "apples", "city": "Rome"} }

// client keeps as many connections as the floor does.
func client() *http.Client {
	return &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 512}}
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(1)
	}
}

func run() error {
	libraries := map[string]func(context.Context, string) (map[string]work, error){
		"eino": einoWorks, "langchaingo": langchaingoWorks, "mustache": mustacheWorks, "gonja": gonjaWorks,
	}
	if len(os.Args) != 3 || libraries[os.Args[1]] == nil {
		return fmt.Errorf("usage: peers eino|langchaingo|mustache|gonja BASE_URL")
	}
	ctx := context.Background()
	works, err := libraries[os.Args[1]](ctx, os.Args[2])
	if err != nil {
		return err
	}
	return serve(ctx, works, os.Stdin, os.Stdout)
}
