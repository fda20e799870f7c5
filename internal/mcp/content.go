package mcp

import (
	"encoding/json"
	"fmt"
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
	if len(parts) == 0 && r.StructuredContent != nil {
		if data, err := json.Marshal(r.StructuredContent); err == nil {
			return string(data)
		}
	}
	return strings.Join(parts, "\n")
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
