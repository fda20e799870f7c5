// Package mcp serves the chains of a folder as tools of the Model Context Protocol, over
// its streamable HTTP. It keeps no sessions: each request sees the chains as they are.
package mcp

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"iter"
	"net/http"
	"strings"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/tandem-llm/tandem/internal/gateway/chains"
	"github.com/tandem-llm/tandem/internal/gateway/exchange"
	"github.com/tandem-llm/tandem/provider"
)

// Path is where the tools are.
const Path = "/mcp"

// MCP serves chains as tools.
type MCP struct {
	chains  *chains.Chains
	x       *exchange.Exchange
	version string
	calls   calls
}

// New returns the tools of chains; version is this program's.
func New(c *chains.Chains, x *exchange.Exchange, version string) *MCP {
	return &MCP{chains: c, x: x, version: cmp.Or(version, "unknown")}
}

// Register adds the path.
func (m *MCP) Register(mux *http.ServeMux) {
	// Who may reach the server, by which Host and from which page, is the guard's to say.
	tools := sdk.NewStreamableHTTPHandler(m.server, &sdk.StreamableHTTPOptions{Stateless: true, DisableLocalhostProtection: true})
	mux.Handle(Path, m.calls.wrap(tools, func(ctx context.Context) string { return m.x.Caller(ctx).Name }))
}

// server has the tools for one request.
func (m *MCP) server(r *http.Request) *sdk.Server {
	s := sdk.NewServer(&sdk.Implementation{Name: "tandem", Version: m.version}, &sdk.ServerOptions{Capabilities: &sdk.ServerCapabilities{Tools: &sdk.ToolCapabilities{}}})
	for _, c := range m.chains.List() {
		ch, _, err := m.chains.Find(c.Name)
		if err != nil {
			continue // it went away in between
		}
		name := toolName(c.Name)
		s.AddTool(&sdk.Tool{Name: name, Title: c.Name, Description: cmp.Or(c.Description, "The chain "+c.Name+"."), InputSchema: chains.InputSchema(ch)}, m.tool(r, c.Name))
	}
	return s
}

// mostName is how long the name of a tool may be.
const mostName = 64

// toolName is the name of a chain's tool. A chain's name that has other characters than
// a tool's may have, or is too long, ends in a digest of it: so a tool's name depends on
// no other chain, and no two have the same.
func toolName(name string) string {
	plain := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' {
			return r
		}
		return '_'
	}, name)
	if plain == name && len(name) <= mostName {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	digest := "_" + hex.EncodeToString(sum[:4])
	return plain[:min(len(plain), mostName-len(digest))] + digest
}

// tool runs a chain for the request r. A failure is a result that says so, for the
// model that called it to read.
func (m *MCP) tool(r *http.Request, name string) sdk.ToolHandler {
	return func(ctx context.Context, req *sdk.CallToolRequest) (*sdk.CallToolResult, error) {
		out, err := m.run(ctx, r, name, req)
		if err != nil {
			out = &sdk.CallToolResult{IsError: true, Content: []sdk.Content{&sdk.TextContent{Text: m.x.FailureOf(err).Message}}}
		}
		return out, nil
	}
}

func (m *MCP) run(ctx context.Context, r *http.Request, name string, req *sdk.CallToolRequest) (*sdk.CallToolResult, error) {
	c, stale, err := m.chains.Find(name)
	if err != nil {
		return nil, err
	}
	vars := map[string]any{}
	if len(req.Params.Arguments) > 0 {
		if err := json.Unmarshal(req.Params.Arguments, &vars); err != nil {
			return nil, exchange.Refuse("arguments", "arguments has to be an object with the chain's variables")
		}
	}
	arguments := name + string(req.Params.Arguments)
	q := &exchange.Question{Model: exchange.ChainPrefix + name, Session: arguments}
	if stale != "" {
		q.Notes = []string{stale}
	}
	q.Ask = func(context.Context, *exchange.Run) iter.Seq2[provider.Chunk, error] { return nil } // it is run here
	within, run, err := m.x.Begin(r, exchange.Asked{Dialect: "mcp", Body: []byte(arguments)}, q)
	if err != nil {
		return nil, err
	}
	within, cancel := context.WithCancel(run.WithWaiting(within))
	defer cancel()
	defer context.AfterFunc(ctx, cancel)() // the client gives up the call
	told := newProgress(ctx, run, req)
	result, err := chains.Run(within, run, c, vars, told.follow)
	told.end()
	if err := run.End(within, result.Route, result.Usage, err); err != nil {
		return nil, err
	}
	meta := sdk.Meta{"tandem/id": run.ID()}
	if stale != "" {
		meta["tandem/notes"] = stale
	}
	out := &sdk.CallToolResult{Meta: meta, Content: []sdk.Content{&sdk.TextContent{Text: result.Answer}}}
	switch v := result.Value.(type) {
	case nil, string:
	case map[string]any:
		out.StructuredContent = v
	default: // the protocol wants an object
		out.StructuredContent = map[string]any{"output": v}
	}
	return out, nil
}
