package mcp

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"testing"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
	"go.uber.org/goleak"
)

// TestMain makes the test binary serve as an MCP server, too, of the manner that
// the variable says.
func TestMain(m *testing.M) {
	if manner := os.Getenv("TEST_MCP_MANNER"); manner != "" {
		serveAs(manner)
		return
	}
	goleak.VerifyTestMain(m)
}

type city struct {
	City string `json:"city" jsonschema:"the city"`
}

type nothing struct{}

// server offers one tool of every manner.
func server() *sdk.Server {
	s := sdk.NewServer(&sdk.Implementation{Name: "test", Version: "1"}, nil)
	sdk.AddTool(s, &sdk.Tool{Name: "weather", Description: "the weather in a city"}, func(_ context.Context, _ *sdk.CallToolRequest, in city) (*sdk.CallToolResult, any, error) {
		return say("sunny in " + in.City), nil, nil
	})
	add := func(name string, do func(context.Context) (*sdk.CallToolResult, error)) {
		sdk.AddTool(s, &sdk.Tool{Name: name, Description: "It says\x1b[31m red\u202e and\x00 more.\nIn two lines."}, func(ctx context.Context, _ *sdk.CallToolRequest, _ nothing) (*sdk.CallToolResult, any, error) {
			r, err := do(ctx)
			return r, nil, err
		})
	}
	add("fails", func(context.Context) (*sdk.CallToolResult, error) { return nil, fmt.Errorf("no such city") })
	add("dies", func(context.Context) (*sdk.CallToolResult, error) {
		fmt.Fprintln(os.Stderr, "out of\x1b[31m tokens")
		os.Exit(3)
		return nil, nil
	})
	add("falters", func(context.Context) (*sdk.CallToolResult, error) {
		_ = os.Stdout.Close()
		time.Sleep(100 * time.Millisecond) // its reader has seen the end by now
		fmt.Fprintln(os.Stderr, "no room left")
		os.Exit(4)
		return nil, nil
	})
	add("hangs", func(ctx context.Context) (*sdk.CallToolResult, error) {
		time.Sleep(4 * time.Second) // deaf to its context, too
		return say("late"), ctx.Err()
	})
	add("huge", func(context.Context) (*sdk.CallToolResult, error) { return say(strings.Repeat("x", 12<<20)), nil })
	add("env", func(context.Context) (*sdk.CallToolResult, error) { return say(strings.Join(os.Environ(), "\n")), nil })
	add("picture", func(context.Context) (*sdk.CallToolResult, error) {
		return &sdk.CallToolResult{Content: []sdk.Content{
			&sdk.TextContent{Text: "Look:"}, &sdk.ImageContent{MIMEType: "image/png", Data: []byte("1234")},
			&sdk.EmbeddedResource{Resource: &sdk.ResourceContents{URI: "file:///a", Text: "inside"}},
		}}, nil
	})
	add("child", func(context.Context) (*sdk.CallToolResult, error) {
		cmd := exec.Command("sleep", "600")
		if err := cmd.Start(); err != nil {
			return nil, err
		}
		return say(fmt.Sprint(cmd.Process.Pid)), nil
	})
	s.AddTool(&sdk.Tool{Name: "lies", Description: "its schema is none", InputSchema: map[string]any{"type": "object", "$ref": "https://example.com/elsewhere.json"}},
		func(context.Context, *sdk.CallToolRequest) (*sdk.CallToolResult, error) { return say("ok"), nil })
	return s
}

func say(text string) *sdk.CallToolResult {
	return &sdk.CallToolResult{Content: []sdk.Content{&sdk.TextContent{Text: text}}}
}

// old is a server of an earlier protocol, by hand: it knows no method but those
// that it needs, asks its client for things, and lists a tool twice, or without
// end.
func old(endless bool) {
	in := json.NewDecoder(os.Stdin)
	pages := 0
	for {
		var m struct {
			ID     json.RawMessage `json:"id"`
			Method string          `json:"method"`
		}
		if in.Decode(&m) != nil {
			return
		}
		if m.ID == nil || m.Method == "" { // a notification, or an answer to us
			continue
		}
		var result string
		switch m.Method {
		case "initialize":
			result = `{"protocolVersion":"2025-03-26","capabilities":{"tools":{}},"serverInfo":{"name":"old","version":"1"}}`
		case "tools/list":
			pages++
			tool := fmt.Sprintf(`{"name":"t%d","inputSchema":{"type":"object"}}`, pages)
			result = `{"tools":[` + tool + `,` + tool + `]}`
			if endless {
				result = fmt.Sprintf(`{"tools":[%s],"nextCursor":"%d"}`, tool, pages)
			}
		case "tools/call":
			fmt.Println(`{"jsonrpc":"2.0","id":"q1","method":"sampling/createMessage","params":{"messages":[],"maxTokens":1}}`)
			fmt.Println(`{"jsonrpc":"2.0","id":"q2","method":"roots/list"}`)
			result = `{"content":[{"type":"text","text":"done"}]}`
		default:
			fmt.Printf(`{"jsonrpc":"2.0","id":%s,"error":{"code":-32601,"message":"no such method"}}`+"\n", m.ID)
			continue
		}
		fmt.Printf(`{"jsonrpc":"2.0","id":%s,"result":%s}`+"\n", m.ID, result)
	}
}

// logged writes a line of a log before each message.
type logged struct{ io.WriteCloser }

func (l logged) Write(b []byte) (int, error) {
	if _, err := fmt.Fprintln(l.WriteCloser, "[INFO] a line of its log"); err != nil {
		return 0, err
	}
	return l.WriteCloser.Write(b)
}

func serveAs(manner string) {
	switch manner {
	case "mute":
		_, _ = io.Copy(io.Discard, os.Stdin)
	case "deaf": // reads nothing, and ends for nobody
		signal.Ignore()
		time.Sleep(time.Minute)
	case "chatty": // writes its log where its answers go
		fmt.Println("Server is starting…")
		_, _ = io.Copy(io.Discard, os.Stdin)
	case "logs": // each answer with a line of its log before it
		out := &sdk.IOTransport{Reader: os.Stdin, Writer: logged{os.Stdout}}
		_ = server().Run(context.Background(), out)
	case "logs first":
		fmt.Println("[INFO] a line of its log")
		_ = server().Run(context.Background(), &sdk.StdioTransport{})
	case "ends":
		fmt.Fprintln(os.Stderr, "no configuration found")
		os.Exit(7)
	case "old", "endless":
		old(manner == "endless")
	case "noisy":
		go func() {
			for {
				fmt.Fprintln(os.Stderr, strings.Repeat("noise ", 1000))
			}
		}()
		fallthrough
	default:
		_ = server().Run(context.Background(), &sdk.StdioTransport{})
	}
}
