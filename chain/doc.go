// Package chain runs prompts whose answers feed later prompts.
//
//	c, err := chain.New(
//		chain.Step{Name: "president", Prompt: "Tell me the president of {country}"},
//		chain.Step{Name: "changes", Prompt: "Give me the list of changes made by the {president}"},
//	)
//	result, err := c.Output(ctx, p, map[string]any{"country": "India"})
//
// Start with [New], or with [Load] for a chain in a file. [Chain.Run] streams
// every step as it is answered, [Chain.Output] returns the whole, [Predict]
// asks one prompt. Packages chain/template and chain/prompt have templates and
// prompts to use on their own.
//
// A chain never passes on an answer that is not whole: a step that was cut at
// its token limit, or that wrote nothing, ends the chain with an error that
// names it.
package chain
