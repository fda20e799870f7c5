// A prompt with a variable, filled in and then asked.
package main

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/tandem-llm/tandem/chain"
	"github.com/tandem-llm/tandem/chain/template"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/ollama"
)

func main() {
	local, err := ollama.New(ollama.Config{Host: os.Getenv("OLLAMA_HOST"), Model: "smollm2:135m"})
	if err != nil {
		log.Fatal(err)
	}
	question, err := template.Parse(template.FString, "Tell me the president of {country}")
	if err != nil {
		log.Fatal(err)
	}
	prompt, err := question.Render(template.Map{"country": "India"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(question.Vars()[0].Name, prompt)
	steady := chain.Defaults(provider.Request{Temperature: provider.Ptr(0.0)})
	answer, err := chain.Predict(context.Background(), local, prompt, steady)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(answer)
}
