package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/tandem-llm/tandem/chain/tool"
	"github.com/tandem-llm/tandem/internal/mcp"
	"github.com/tandem-llm/tandem/internal/terminal"
	"github.com/tandem-llm/tandem/internal/textx"
)

func (a *app) toolsCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "tools", Short: "List and call the tools of MCP servers"}
	cmd.AddCommand(a.toolsListCommand(), a.toolsCallCommand())
	return cmd
}

// toolJSON is one tool, as `tandem tools list --json` prints it.
type toolJSON struct {
	Name        string          `json:"name"` // SERVER/TOOL
	Server      string          `json:"server"`
	ModelName   string          `json:"model_name"` // what a model calls it
	Description string          `json:"description"`
	Parameters  json.RawMessage `json:"parameters"`
	Remote      bool            `json:"remote"` // its work leaves this machine, or may
}

func (a *app) toolsListCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "list [SERVER]", Aliases: []string{"ls"}, Short: "List the tools that MCP servers offer",
		Long: "Start the configured MCP servers, or only SERVER, list their tools, and stop them\nagain.",
		Args: atMostOne("an MCP server's name"),
		RunE: func(cmd *cobra.Command, args []string) error { return a.toolsList(cmd.Context(), args, asJSON) },
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON array, an object for each tool")
	return cmd
}

func (a *app) toolsList(ctx context.Context, names []string, asJSON bool) error {
	stack, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer stack.Close()
	if len(names) == 0 {
		for _, s := range stack.Config().MCPServers {
			names = append(names, s.Name)
		}
	}
	if len(names) == 0 {
		a.infof("there are no tools: no MCP server is configured; name one in `mcp_servers` of the file that `tandem config path` shows")
	}
	all, failed := []tool.Tool{}, []error{}
	for _, name := range names {
		tools, done, err := stack.Tools(ctx, []string{name + "/*"})
		done()
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			failed = append(failed, err)
		case len(tools) == 0:
			a.infof("%s offers no tools", name)
		}
		all = append(all, tools...)
	}
	if asJSON {
		err = terminal.WriteJSON(a.term.Out, toolsJSON(all))
	} else {
		err = a.printTools(all)
	}
	for _, f := range failed {
		a.report(a.withLog(f))
	}
	if err == nil && len(failed) > 0 {
		return reported(failed[0])
	}
	return err
}

func toolsJSON(tools []tool.Tool) []toolJSON {
	out := make([]toolJSON, len(tools))
	for i, t := range tools {
		out[i] = toolJSON{t.Title(), t.Source, t.Name, t.Description, t.Parameters, t.Remote}
	}
	return out
}

func (a *app) printTools(tools []tool.Tool) error {
	if len(tools) == 0 {
		return nil
	}
	w := a.term.Table("TOOL", "DOES")
	for _, t := range tools {
		w.Row(t.Title(), firstLine(t.Description))
	}
	return w.Flush()
}

// firstLine is the first line of a text that is for a table.
func firstLine(text string) string {
	const most = 100
	text, _, more := strings.Cut(terminal.StripControls(text), "\n")
	if utf8.RuneCountInString(text) > most {
		text, more = string([]rune(text)[:most]), true
	}
	if more {
		text = strings.TrimRight(text, " ") + "…"
	}
	return text
}

// toolCall is what `tandem tools call` was told.
type toolCall struct {
	name string
	args string
}

func (a *app) toolsCallCommand() *cobra.Command {
	var in toolCall
	cmd := &cobra.Command{
		Use: "call SERVER/TOOL", Short: "Call a tool of an MCP server",
		Long: `Call a tool and print its result. The arguments are checked against the tool's
schema first. Tandem does not ask: you name the call yourself.`,
		Example: `  tandem tools call files/read_file --args '{"path": "notes.txt"}'
  tandem tools call files/search --args @query.json`,
		Args: exactArgs("a tool's name, SERVER/TOOL"),
		RunE: func(cmd *cobra.Command, args []string) error {
			in.name = args[0]
			return a.toolsCall(cmd.Context(), in)
		},
	}
	f := cmd.Flags()
	f.StringVar(&in.args, "args", "{}", "its arguments as a JSON object, or @`file` that holds one")
	f.Bool("yes", false, "has no effect; older scripts give it")
	return cmd
}

func (a *app) toolsCall(ctx context.Context, in toolCall) error {
	args, err := toolArguments(ctx, in.args)
	if err != nil {
		return err
	}
	if strings.HasSuffix(in.name, "/*") {
		return usageError{fmt.Errorf("%s is not the name of a tool; see `tandem tools list`", in.name)}
	}
	stack, err := a.open(ctx)
	if err != nil {
		return err
	}
	defer stack.Close()
	tools, done, err := stack.Tools(ctx, []string{in.name})
	defer done()
	if err != nil {
		return a.withLog(err)
	}
	return a.printToolResult(ctx, tools[0], args)
}

func (a *app) printToolResult(ctx context.Context, t tool.Tool, args json.RawMessage) error {
	r, err := t.Run(ctx, args)
	var wrong *tool.ArgumentsError
	switch {
	case errors.As(err, &wrong):
		return usageError{fmt.Errorf("%s was not run, because its arguments do not match its schema: %w; see `tandem tools list %s --json`", t.Title(), wrong, t.Source)}
	case err != nil:
		return a.withLog(err)
	}
	text := strings.TrimSuffix(r.Text, "\n") + "\n"
	if _, err := a.term.ModelWriter(a.term.Out, a.term.OutIsTTY).WriteString(text); err != nil {
		return fmt.Errorf("writing the result: %w", err)
	}
	if r.Failed {
		return fmt.Errorf("%s reported an error", t.Title())
	}
	return nil
}

// maxArguments is the most that a tool's arguments may have, in bytes.
const maxArguments = 4 << 20

// toolArguments reads --args.
func toolArguments(ctx context.Context, text string) (json.RawMessage, error) {
	data := []byte(text)
	if path, ok := strings.CutPrefix(text, "@"); ok {
		var err error
		if data, err = readFile(ctx, path, maxArguments); err != nil {
			return nil, err
		}
	}
	data = textx.TrimBOM(data)
	var object map[string]json.RawMessage
	if err := json.Unmarshal(data, &object); err != nil || object == nil {
		return nil, usageError{errors.New(`--args is not a JSON object, such as '{"path": "notes.txt"}'`)}
	}
	return data, nil
}

// withLog returns err, and tells what the server that failed wrote last.
func (a *app) withLog(err error) error {
	var e *mcp.Error
	if errors.As(err, &e) && e.Log != "" && !a.flags.quiet {
		a.term.Noticef("%s", a.term.Dim("· "+e.Server+" last wrote: "+terminal.StripControls(e.Log)))
	}
	return err
}
