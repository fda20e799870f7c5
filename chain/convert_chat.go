package chain

import (
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/tandem-llm/tandem/chain/prompt"
	"github.com/tandem-llm/tandem/chain/template"
	"github.com/tandem-llm/tandem/internal/yamlx"
	"github.com/tandem-llm/tandem/provider"
)

// constructor writes an object as LangChain's dumpd does.
func constructor(class string, in string, kwargs keyed) *yaml.Node {
	k := newKeyed()
	k.put("lc", 1)
	k.put("type", "constructor")
	k.put("id", []string{"langchain", "prompts", in, class})
	k.put("kwargs", kwargs.node)
	return k.node
}

// chat writes a conversation.
func (w *langChainWriter) chat(m yamlx.Map, p *prompt.Prompt, messages []Message, format template.Format, partial map[string]any) *yaml.Node {
	var nodes []*yaml.Node
	for i := range messages {
		nodes = append(nodes, w.chatMessage(m, &messages[i], format))
	}
	k := newKeyed()
	k.put("input_variables", varNames(p))
	k.set("partial_variables", partial)
	k.put("messages", list(nodes...))
	return constructor("ChatPromptTemplate", "chat", k)
}

func (w *langChainWriter) chatMessage(m yamlx.Map, msg *Message, format template.Format) *yaml.Node {
	k := newKeyed()
	if msg.Placeholder != "" {
		k.put("variable_name", msg.Placeholder)
		k.set("optional", msg.Optional)
		k.set("n_messages", msg.Limit)
		return constructor("MessagesPlaceholder", "chat", k)
	}
	var parts []*yaml.Node
	if msg.Text != "" || len(msg.Images) == 0 {
		part := newKeyed()
		part.put("input_variables", textVars(format, msg.Text))
		part.put("template", msg.Text)
		part.put("template_format", string(format))
		parts = append(parts, constructor("PromptTemplate", "prompt", part))
	}
	for _, ref := range msg.Images {
		part := newKeyed()
		part.put("input_variables", textVars(format, ref))
		part.put("template", map[string]string{"url": ref})
		part.put("template_format", string(format))
		parts = append(parts, constructor("ImagePromptTemplate", "image", part))
	}
	if len(msg.Images) > 0 {
		k.put("prompt", list(parts...))
	} else {
		k.put("prompt", parts[0])
	}
	class := map[provider.Role]string{provider.RoleSystem: "SystemMessagePromptTemplate", provider.RoleUser: "HumanMessagePromptTemplate", provider.RoleAssistant: "AIMessagePromptTemplate"}[msg.Role]
	if class == "" {
		w.fail(m.Node("messages"), "a tool's message cannot be expressed as a template of LangChain's", "remove it")
		return list()
	}
	return constructor(class, "chat", k)
}

// textVars are the variables of one text.
func textVars(format template.Format, text string) []string {
	names := []string{}
	if t, err := template.Parse(format, text); err == nil {
		for _, v := range t.Vars() {
			names = append(names, v.Name)
		}
	}
	slices.Sort(names)
	return names
}
