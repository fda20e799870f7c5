package mcp

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/tandem-llm/tandem/chain/tool"
	"github.com/tandem-llm/tandem/internal/redact"
)

const (
	mostTools       = 512      // that a server may list
	mostDescription = 4 << 10  // bytes of a description that a model is told
	mostSchema      = 64 << 10 // bytes of a schema
)

// Skipped is a tool of a server that cannot be used.
type Skipped struct {
	Ref    string // as [tool.Tool.Ref]
	Reason string
}

// Tools lists what the server offers, in its order, and what of that cannot be
// used. Errors: *[Error], or ctx's own unchanged.
func (s *Session) Tools(ctx context.Context) (tools []tool.Tool, skipped []Skipped, err error) {
	ctx, status := withStatus(ctx)
	listed, err := withTimeout(ctx, s.cfg.Timeout, s.list)
	if err != nil {
		return nil, nil, s.sessionError(ctx, status, err)
	}
	names := map[string]bool{}
	for _, t := range listed {
		made, err := s.tool(t)
		if err == nil && names[made.Name] {
			err = errors.New("the server lists it twice")
		}
		if err != nil {
			skipped = append(skipped, Skipped{Ref: s.cfg.Secrets.Text(s.ref(t.Name)), Reason: s.cfg.Secrets.Text(err.Error())})
			continue
		}
		names[made.Name] = true
		tools = append(tools, made)
	}
	return tools, skipped, nil
}

func (s *Session) list(ctx context.Context) (listed []*sdk.Tool, err error) {
	for t, err := range s.cs.Tools(ctx, nil) {
		switch {
		case err != nil:
			return nil, err
		case t == nil:
			continue
		case len(listed) == mostTools:
			return nil, fmt.Errorf("it lists more than %d tools", mostTools)
		}
		listed = append(listed, t)
	}
	return listed, nil
}

// ref is what a person calls a tool.
func (s *Session) ref(name string) string { return s.cfg.Name + "/" + cleanText(name, false) }

func (s *Session) tool(t *sdk.Tool) (tool.Tool, error) {
	if t.Name == "" || cleanText(t.Name, false) != t.Name || len(t.Name) > 256 {
		return tool.Tool{}, errors.New("it has no valid name")
	}
	if s.cfg.Secrets.Knows(t.Name) {
		return tool.Tool{}, errors.New("its name contains a secret")
	}
	parameters := json.RawMessage(`{"type":"object"}`)
	if t.InputSchema != nil {
		var err error
		if parameters, err = json.Marshal(t.InputSchema); err != nil {
			return tool.Tool{}, err
		}
		parameters = s.cfg.Secrets.JSON(parameters)
	}
	if len(parameters) > mostSchema {
		return tool.Tool{}, fmt.Errorf("its schema is larger than %d KiB", mostSchema>>10)
	}
	if err := tool.CheckSchema(parameters); err != nil {
		return tool.Tool{}, err
	}
	return tool.Tool{
		Name: modelName(s.cfg.Name, t.Name), Description: describe(t, s.cfg.Secrets), Parameters: parameters,
		Source: s.cfg.Name, Ref: s.ref(t.Name), Remote: s.cfg.Remote,
		Call: func(ctx context.Context, arguments json.RawMessage) (tool.Result, error) {
			return s.call(ctx, t.Name, arguments)
		},
	}, nil
}

func describe(t *sdk.Tool, secrets *redact.Redactor) string {
	text := secrets.Text(cleanText(t.Description, true))
	if text == "" {
		text = secrets.Text(cleanText(t.Title, false))
	}
	if len(text) > mostDescription {
		text = strings.ToValidUTF8(text[:mostDescription], "") + "…"
	}
	return text
}

// modelName is server__tool, in the letters and the length that engines take.
// Where that loses something, a hash tells it from others.
func modelName(server, name string) string {
	whole := server + "__" + name
	safe := strings.Map(func(r rune) rune {
		if r == '-' || r == '_' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' {
			return r
		}
		return '_'
	}, whole)
	if safe == whole && len(safe) <= 64 {
		return safe
	}
	sum := sha256.Sum256([]byte(server + "/" + name))
	return safe[:min(len(safe), 55)] + "_" + hex.EncodeToString(sum[:4])
}

// call has the server run a tool.
func (s *Session) call(ctx context.Context, name string, arguments json.RawMessage) (tool.Result, error) {
	ctx, status := withStatus(ctx)
	r, err := withTimeout(ctx, s.cfg.Timeout, func(ctx context.Context) (*sdk.CallToolResult, error) {
		return s.cs.CallTool(ctx, &sdk.CallToolParams{Name: name, Arguments: arguments})
	})
	if err != nil {
		return tool.Result{}, s.sessionError(ctx, status, err)
	}
	if r.NeedsInput() {
		return tool.Result{}, &Error{Server: s.cfg.Name, Err: errors.New("it asks for more input during the call, which tandem does not support")}
	}
	return tool.Result{Text: s.cfg.Secrets.Told(resultText(r)), Failed: r.IsError}, nil
}
