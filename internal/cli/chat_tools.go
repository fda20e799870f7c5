package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tandem-llm/tandem/chain/tool"
	"github.com/tandem-llm/tandem/internal/terminal"
	"github.com/tandem-llm/tandem/provider"
)

// chatTools are the tools of a chat. Which are on is in the conversation.
type chatTools struct {
	ask     *asker
	newLine func()   // ends the line of the answer under way
	ran     int      // calls of the answer under way
	seen    []string // SERVER/TOOL, of those that were listed or used
}

// withTools is who is asked: the stack, with the tools that are on. done ends
// their use, and is never nil.
func (s *chatSession) withTools(ctx context.Context) (p provider.Provider, done func(), err error) {
	s.tools.ran = 0
	if len(s.chat.Tools) == 0 {
		return s.stack, func() {}, nil
	}
	tools, done, err := s.stack.Tools(ctx, s.chat.Tools)
	if err != nil {
		done()
		return nil, func() {}, s.app.withLog(err)
	}
	s.sawTools(tools)
	if s.tools.ask == nil { // what is allowed for good is so for the whole chat
		s.tools.ask = &asker{app: s.app, allow: s.app.tools.allow}
	}
	s.tools.ask.newLine = func() { s.tools.newLine() }
	return tool.Loop(s.stack, s.tools.ask.options(tools, func(tool.Event) { s.tools.ran++ })), done, nil
}

func (s *chatSession) sawTools(tools []tool.Tool) {
	for i := range tools {
		if name := tools[i].Title(); !slices.Contains(s.tools.seen, name) {
			s.tools.seen = append(s.tools.seen, name)
		}
	}
}

// setTool is /tool: it lists tools, or turns some on or off.
func (s *chatSession) setTool(ctx context.Context, arg string) error {
	words := strings.Fields(arg)
	switch {
	case len(words) == 0:
		return s.listTools(ctx)
	case len(words) == 1 && words[0] == "off":
		if len(s.chat.Tools) == 0 {
			return usageError{errors.New("no tool is on")}
		}
		s.chat.Tools = nil
		s.keep(ctx)
		s.note("the model can no longer call tools")
		return nil
	case len(words) > 2 || len(words) == 2 && words[1] != "on" && words[1] != "off":
		return usageError{errors.New("type /tool SERVER/TOOL on, or off; `/tool off` turns all off")}
	}
	name := words[0]
	if len(words) == 2 && words[1] == "off" {
		if !slices.Contains(s.chat.Tools, name) {
			return usageError{fmt.Errorf("%s is not on; on: %s", name, noneIfEmpty(s.chat.Tools))}
		}
		s.chat.Tools = slices.DeleteFunc(slices.Clone(s.chat.Tools), func(t string) bool { return t == name })
		s.keep(ctx)
		s.note("the model may no longer call " + name)
		return nil
	}
	tools, done, err := s.stack.Tools(ctx, []string{name})
	done()
	if err != nil {
		return s.app.withLog(err)
	}
	if err := s.checkTools(tools); err != nil {
		return err
	}
	s.sawTools(tools)
	if !slices.Contains(s.chat.Tools, name) {
		s.chat.Tools = append(slices.Clone(s.chat.Tools), name)
	}
	s.keep(ctx)
	s.note(fmt.Sprintf("the model may call %s; Tandem asks you before each call", toolNames(tools)))
	return nil
}

// checkTools refuses tools that a conversation which stays here cannot have.
func (s *chatSession) checkTools(tools []tool.Tool) error {
	for i := range tools {
		if tools[i].Remote && s.req.Privacy == provider.PrivacyLocal {
			return provider.Errorf(provider.Private, "", "", "%s may send its arguments off this machine, but this conversation stays here", tools[i].Title())
		}
	}
	return nil
}

func toolNames(tools []tool.Tool) string {
	names := make([]string, len(tools))
	for i := range tools {
		names[i] = tools[i].Title()
	}
	return noneIfEmpty(names)
}

func noneIfEmpty(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

// listTools lists what the configured servers offer, and marks what is on.
func (s *chatSession) listTools(ctx context.Context) error {
	servers := s.stack.Config().MCPServers
	if len(servers) == 0 {
		s.tell("there are no tools: no MCP server is configured; add one to `mcp_servers` in the file that `tandem config path` shows")
		return nil
	}
	for i := range servers {
		tools, done, err := s.stack.Tools(ctx, []string{servers[i].Name + "/*"})
		done()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			s.app.report(s.app.withLog(err))
			continue
		}
		s.sawTools(tools)
		for j := range tools {
			mark := "off"
			if slices.ContainsFunc(s.chat.Tools, func(pattern string) bool { return tool.Matches(pattern, &tools[j]) }) {
				mark = "on"
			}
			s.entry(fmt.Sprintf("%-3s  %s", mark, tools[j].Title()), firstLine(tools[j].Description))
		}
	}
	s.note("/tool SERVER/TOOL turns one on, and `/tool SERVER/TOOL off` off")
	return nil
}

// entry prints a name and what it is, in the terminal's width.
func (s *chatSession) entry(name, does string) {
	s.app.term.Noticef("%s", entryText(name, does, s.width()))
}

// note says what a command has done.
func (s *chatSession) note(text string) {
	s.app.infof("%s", s.app.term.Dim(terminal.Hang("· ", terminal.OneLine(text), s.app.term.ErrWidth())))
}

// tell prints what was asked for, in the terminal's width.
func (s *chatSession) tell(text string) {
	s.app.term.Noticef("%s", terminal.Hang("", terminal.OneLine(text), s.app.term.ErrWidth()))
}

// warn is note for what may be unexpected.
func (s *chatSession) warn(text string) {
	s.app.infof("%s", s.app.term.Yellow(terminal.Hang("· ", terminal.OneLine(text), s.app.term.ErrWidth())))
}
