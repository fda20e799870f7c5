package mcp

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
)

// resultText is a tool's result as a model reads it. What is no text, such as a
// picture, is named in its place.
func resultText(r *sdk.CallToolResult) string {
	var parts []string
	for _, c := range r.Content {
		switch c := c.(type) {
		case *sdk.TextContent:
			parts = append(parts, c.Text)
		case *sdk.ImageContent:
			parts = append(parts, fmt.Sprintf("[picture: %s, %d bytes]", cleanText(c.MIMEType, false), len(c.Data)))
		case *sdk.AudioContent:
			parts = append(parts, fmt.Sprintf("[sound: %s, %d bytes]", cleanText(c.MIMEType, false), len(c.Data)))
		case *sdk.ResourceLink:
			parts = append(parts, fmt.Sprintf("[link: %s]", cleanText(strings.TrimSpace(c.Name+" "+c.URI), false)))
		case *sdk.EmbeddedResource:
			parts = append(parts, resourceText(c.Resource))
		}
	}
	if data, err := json.Marshal(r.StructuredContent); err == nil && r.StructuredContent != nil && !holds(parts, r.StructuredContent) {
		parts = slices.DeleteFunc(append(parts, string(data)), func(text string) bool { return strings.TrimSpace(text) == "" })
	}
	return strings.Join(parts, "\n")
}

// holds reports whether texts already say what the structured content of a result
// does: as its JSON, or as the value that is all there is in it, which servers put
// into an object of one member. The protocol wants the texts to mirror it; what
// summarizes it instead leaves out what the model asked for.
func holds(texts []string, structured any) bool {
	if object, ok := structured.(map[string]any); ok && len(object) == 1 {
		for _, v := range object {
			if holdsValue(texts, v) {
				return true
			}
		}
	}
	return holdsValue(texts, structured)
}

func holdsValue(texts []string, v any) bool {
	same := func(text string, v any) bool {
		if s, ok := v.(string); ok && strings.TrimSpace(s) == strings.TrimSpace(text) {
			return true
		}
		var said any
		return json.Unmarshal([]byte(text), &said) == nil && reflect.DeepEqual(said, v)
	}
	if len(texts) == 0 {
		return false
	}
	if same(strings.Join(texts, "\n"), v) || slices.ContainsFunc(texts, func(text string) bool { return same(text, v) }) {
		return true
	}
	list, ok := v.([]any) // an element a text
	if !ok || len(list) != len(texts) {
		return false
	}
	for i, text := range texts {
		if !same(text, list[i]) {
			return false
		}
	}
	return true
}

func resourceText(r *sdk.ResourceContents) string {
	switch {
	case r == nil:
		return "[nothing]"
	case r.Blob != nil:
		return fmt.Sprintf("[file: %s, %d bytes]", cleanText(r.URI, false), len(r.Blob))
	}
	return r.Text
}
