package chain

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/internal/yamlx"
)

// FileType is what kind of file a chain was read from.
type FileType string

// The kinds of files.
const (
	FileNone            FileType = "" // it was made in Go
	FileChain           FileType = "chain"
	FileLangChainPrompt FileType = "LangChain prompt"
	FileLangChainChain  FileType = "LangChain chain"
)

// FileType is what kind of file the chain was read from.
func (c *Chain) FileType() FileType { return c.fileType }

func legacyTypes() []string {
	return []string{"llm_chain", "sequential_chain", "simple_sequential_chain"}
}

func promptTypes() []string { return []string{"prompt", "few_shot", "chat"} }

// fileTypeOf is the kind of a file whose YAML has this root. The error names a
// type of LangChain's that is not read.
func fileTypeOf(file string, root *yaml.Node) (FileType, error) {
	kind := yamlx.Value(root, "_type")
	switch {
	case kind == nil && (yamlx.Value(root, "lc") != nil || untypedPrompt(root)):
		return FileLangChainPrompt, nil
	case kind == nil:
		return FileChain, nil
	case slices.Contains(promptTypes(), kind.Value):
		return FileLangChainPrompt, nil
	case slices.Contains(legacyTypes(), kind.Value):
		return FileLangChainChain, nil
	}
	return FileNone, unreadType(file, kind, slices.Concat(promptTypes(), legacyTypes()))
}

// untypedPrompt reports whether a file without _type is a prompt of LangChain's,
// as all prompts of its hub are: it has keys that only those have, and none that
// makes a step of a chain file.
func untypedPrompt(root *yaml.Node) bool {
	has := func(n *yaml.Node) func(string) bool {
		return func(key string) bool { return yamlx.Value(n, key) != nil }
	}
	if slices.ContainsFunc([]string{"prompt", "file", "text", "transform", "steps", "parallel", "route", "chain", "retrieve"}, has(root)) {
		return false
	}
	if slices.ContainsFunc([]string{"input_variables", "template", "template_path", "example_prompt", "example_prompt_path"}, has(root)) {
		return true
	}
	messages := yamlx.Value(root, "messages")
	return messages != nil && slices.ContainsFunc(messages.Content, func(m *yaml.Node) bool {
		return slices.ContainsFunc([]string{"prompt", "lc"}, has(yamlx.Follow(m)))
	})
}

// unreadType is the error for a _type of LangChain's that is not read; read are
// those that are, at that place.
func unreadType(file string, kind *yaml.Node, read []string) error {
	remedy := insteadOf(kind.Value)
	if remedy == "" {
		remedy = "write it as a chain file; the types that are read are " + strings.Join(read, ", ")
	}
	return yamlx.NewDecoder(file).At(kind, "this is a LangChain file of type "+diag.Quote(kind.Value)+", which Tandem does not read", remedy)
}

// insteadOf says what to write in place of a type of LangChain's; empty: nothing
// in particular. The names are those of langchain-classic 1.0.8: AgentType, and
// the loaders of chains and prompts.
func insteadOf(kind string) string {
	switch kind {
	case "zero-shot-react-description", "react-docstore", "self-ask-with-search", "conversational-react-description",
		"chat-zero-shot-react-description", "chat-conversational-react-description",
		"structured-chat-zero-shot-react-description", "openai-functions", "openai-multi-functions":
		return "write a chain file with a `prompt:` and its `tools:`"
	case "vector_db_qa", "vector_db_qa_with_sources_chain", "retrieval_qa", "retrieval_qa_with_sources_chain",
		"qa_with_sources_chain", "conversational_retrieval", "chat-vector-db":
		return "write a chain file: a step with `retrieve:`, and one whose `prompt:` asks with the passages"
	case "stuff_documents_chain", "map_reduce_documents_chain", "reduce_documents_chain", "map_rerank_documents_chain", "refine_documents_chain":
		return "write a chain file: a step with `each:` asks about every document, and one after it about the answers"
	case "llm_math_chain", "llm_bash_chain", "llm_requests_chain", "pal_chain", "api_chain", "sql_database_chain", "graph_cypher_chain", "graph_qa_chain":
		return "write a chain file with a `prompt:`, and `tools:` for what is to be run"
	case "router_chain", "multi_prompt_chain", "multi_retrieval_qa_chain", "multi_route_chain":
		return "write a chain file with a `route:`"
	case "few_shot_with_templates":
		return "write it as one of type few_shot, with prefix and suffix as texts"
	}
	return ""
}
