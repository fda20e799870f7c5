// Package chain runs prompts whose answers feed later prompts.
//
//	c, err := chain.New(
//		chain.Step{Name: "president", Prompt: "Tell me the president of {country}"},
//		chain.Step{Name: "changes", Prompt: "Give me the list of changes made by the {president}"},
//	)
//	result, err := c.Output(ctx, p, map[string]any{"country": "India"})
//
// Start with [New], or with [Load] or [LoadFS] for a chain in a file; [Step] says
// what a step can be, and [Pipe] makes LangChain's SimpleSequentialChain.
// [Chain.Output] returns every step's answer, [Chain.Stream] yields the text of
// the last one as it comes, and [Chain.Run] yields every event. [Predict] asks one
// prompt, [As] returns the answer as a Go value, and [DecodeStep] does so for a
// step of a run. The provider p comes from package provider/ollama,
// provider/openai or provider/router. [Defaults], [WithTools], [WithPassages] and
// [WithEmbedder] are the options of a run.
//
// The parts can be used on their own: chain/template (texts with variables),
// chain/prompt (messages), chain/output (parsers), chain/tool, chain/retrieve
// and chain/memory.
//
// A chain never passes on an answer that is not complete: a step that was cut
// at its token limit, or that wrote nothing, ends the chain with an error that
// names it.
package chain
