package openai_test

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/tandem-llm/tandem/internal/testbatch"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/openai"
)

// A file of requests is uploaded, answered as a batch, and the answers downloaded.
func ExampleProvider_BatchAPI() {
	server := testbatch.New(testbatch.Manner{})
	defer server.Close()
	p, err := openai.New(openai.Config{Name: "paid", BaseURL: server.URL + "/v1", Key: "a key from your key store"})
	if err != nil {
		fmt.Println(err)
		return
	}
	ctx, api := context.Background(), p.BatchAPI(nil)
	const request = `{"custom_id": "row-1", "method": "POST", "url": "/v1/chat/completions", "body": {"model": "m", "messages": [{"role": "user", "content": "hi"}]}}`
	file, err := api.Upload(ctx, "requests.jsonl", int64(len(request)), strings.NewReader(request))
	if err != nil {
		fmt.Println(err)
		return
	}
	uploads, _ := api.Uploads(ctx)
	fmt.Println(uploads["requests.jsonl"] == file)
	job, err := api.Create(ctx, file, "/v1/chat/completions", map[string]string{"night": "1"})
	for err == nil && !job.Ended() {
		job, err = api.Job(ctx, job.ID)
	}
	fmt.Println(job.Status, job.Completed, job.Metadata, err)
	answers, err := api.Download(ctx, job.Output)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer answers.Close()
	text, err := io.ReadAll(answers)
	fmt.Println(strings.Contains(string(text), "re hi"), err)
	for j, err := range api.Jobs(ctx) {
		fmt.Println(j.ID == job.ID, err)
	}
	fmt.Println(api.Delete(ctx, file))
	_, err = api.Cancel(ctx, "batch_7")
	fmt.Println(provider.KindOf(err))
	// Output:
	// true
	// completed 1 map[night:1] <nil>
	// true <nil>
	// true <nil>
	// <nil>
	// unavailable
}
