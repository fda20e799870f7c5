package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/tandem-llm/tandem/internal/store"
	"github.com/tandem-llm/tandem/provider"
)

// lastAnswer is the last answer that has text.
func (s *chatSession) lastAnswer() (*store.Said, error) {
	for i := len(s.chat.Messages) - 1; i >= 0; i-- {
		if m := &s.chat.Messages[i]; m.Role == provider.RoleAssistant && m.Text != "" {
			return m, nil
		}
	}
	return nil, usageError{errors.New("there is no answer yet")}
}

func (s *chatSession) lastBlock() (string, error) {
	m, err := s.lastAnswer()
	if err != nil {
		return "", err
	}
	block, ok := lastBlock(m.Text)
	if !ok || strings.TrimSpace(block) == "" {
		return "", usageError{errors.New("the last answer has no code block")}
	}
	return block, nil
}

// sayIncomplete says that what is passed on of the last answer is not all of it.
func (s *chatSession) sayIncomplete() {
	if m, err := s.lastAnswer(); err == nil && (m.Broken != "" || m.Finish == provider.FinishLength) {
		s.warn("the last answer is not complete")
	}
}

// copy is /copy.
func (s *chatSession) copy(ctx context.Context, arg string) error {
	var text string
	switch arg {
	case "code":
		block, err := s.lastBlock()
		if err != nil {
			return err
		}
		text = block
	case "":
		m, err := s.lastAnswer()
		if err != nil {
			return err
		}
		text = m.Text
	default:
		return usageError{errors.New("type /copy, or /copy code for the last code block")}
	}
	s.app.copyText(ctx, text)
	s.sayIncomplete()
	return nil
}

// extractBlock is /extract: it prints the last code block of the last answer, or
// writes it to a file that is not there yet.
func (s *chatSession) extractBlock(_ context.Context, path string) error {
	block, err := s.lastBlock()
	if err != nil {
		return err
	}
	defer s.sayIncomplete()
	if path != "" {
		return s.writeNew(pathsOf(path)[0], block)
	}
	if _, err := s.app.term.ModelWriter(s.app.term.Out, s.app.term.OutIsTTY).WriteString(block); err != nil {
		return fmt.Errorf("writing the code block: %w", err)
	}
	return nil
}

// writeNew writes a file that is not there yet.
func (s *chatSession) writeNew(path, text string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return usageError{fmt.Errorf("%s already exists; choose another name", path)}
	}
	if err != nil {
		return usageError{fmt.Errorf("cannot write %s: %w", path, cause(err))}
	}
	_, err = f.WriteString(text)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	s.note("written to " + path)
	return nil
}

// rename is /rename.
func (s *chatSession) rename(ctx context.Context, title string) error {
	title = excerpt(title, 60)
	if title == "" {
		return usageError{errors.New("give the title, such as /rename Rivers of India")}
	}
	s.chat.Title = title
	s.keep(ctx)
	s.note("this conversation is now “" + title + "”")
	return nil
}
