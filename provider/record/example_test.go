package record_test

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/providertest"
	"github.com/tandem-llm/tandem/provider/record"
)

func ExampleNew() {
	dir, err := os.MkdirTemp("", "record")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	model := &providertest.Fake{Answers: []providertest.Answer{providertest.Text("Delhi.")}}
	p, err := record.New(model, record.Config{Dir: dir})
	if err != nil {
		fmt.Println(err)
		return
	}
	answer, err := provider.Collect(p.Chat(context.Background(), ask("The capital of India?")))
	fmt.Println(answer.Text, err)
	files, err := os.ReadDir(dir)
	fmt.Println(len(files), "file", err)
	// Output:
	// Delhi. <nil>
	// 1 file <nil>
}

// Answers without any network; what was not recorded is not an answer.
func ExampleReplay() {
	dir, err := os.MkdirTemp("", "record")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	model := &providertest.Fake{Answers: []providertest.Answer{providertest.Text("Delhi.")}}
	r, err := record.New(model, record.Config{Dir: dir})
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := provider.Collect(r.Chat(context.Background(), ask("The capital of India?"))); err != nil {
		fmt.Println(err)
		return
	}
	p, err := record.Replay("replay", record.PlayerConfig{Dir: dir})
	if err != nil {
		fmt.Println(err)
		return
	}
	answer, err := provider.Collect(p.Chat(context.Background(), ask("The capital of India?")))
	fmt.Println(answer.Text, err)
	_, err = provider.Collect(p.Chat(context.Background(), ask("The capital of Kenya?")))
	var miss *record.Miss
	if errors.As(err, &miss) {
		fmt.Println(provider.KindOf(err), miss.Field, miss.Want, miss.Have)
	}
	// Output:
	// Delhi. <nil>
	// unavailable messages[0].text "The capital of Kenya?" "The capital of India?"
}
