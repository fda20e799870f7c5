package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tandem-llm/tandem/chain/retrieve"
	"github.com/tandem-llm/tandem/internal/diag"
	"github.com/tandem-llm/tandem/internal/store"
	"github.com/tandem-llm/tandem/internal/terminal"
	"github.com/tandem-llm/tandem/provider"
)

// setSchema is /schema.
func (s *chatSession) setSchema(ctx context.Context, arg string) error {
	switch {
	case arg == "" && s.req.Schema == nil:
		s.tell("answers are text; /schema FILE, or /schema 'name, age int', makes them JSON")
		return nil
	case arg == "":
		s.app.term.Noticef("answers match this schema: %s", terminal.OneLine(string(s.req.Schema.JSON)))
		return nil
	case arg == "off":
		s.req.Schema = nil
		s.note("answers are text again")
	default:
		path := arg
		if !exists(path) {
			path = localPath(strings.Join(shellWords(arg), " "))
		}
		schema, err := s.app.readSchema(ctx, path)
		if err != nil {
			return err
		}
		s.req.Schema = schema
		s.note("from now on each answer is JSON that matches the schema, or an error; `/schema off` ends it")
	}
	s.chat.Settings = s.settings()
	s.keep(ctx)
	return nil
}

// passagesForMessage is how many passages a message gets.
const passagesForMessage = 4

// setCollection is /collection.
func (s *chatSession) setCollection(ctx context.Context, arg string) error {
	switch {
	case arg == "":
		return s.listCollections(ctx)
	case arg == "off":
		s.chat.Collection = ""
		s.note("passages are no longer looked up; those that were sent stay in the conversation")
	default:
		kept, ok, err := s.stack.Collections.Kept(ctx, arg)
		if err != nil {
			return err
		}
		if !ok && s.app.answers.replay == "" { // a replay needs no collection
			return s.noCollection(ctx, arg)
		}
		s.chat.Collection = arg
		text := fmt.Sprintf("each message is sent with the passages of %s that are nearest to it", arg)
		if kept.Privacy == provider.PrivacyLocal && s.req.Privacy != provider.PrivacyLocal {
			text += "; they must not leave this machine, so the conversation stays here from the first one on"
		}
		s.note(text)
	}
	s.keep(ctx)
	return nil
}

func (s *chatSession) collectionNames(ctx context.Context) (names []string) {
	kept := store.New(s.app.stateDir())
	defer kept.Close()
	all, err := kept.Collections(ctx)
	if err != nil {
		return nil // whoever uses one is told
	}
	for i := range all {
		names = append(names, all[i].Name)
	}
	return names
}

func (s *chatSession) noCollection(ctx context.Context, name string) error {
	names := s.collectionNames(ctx)
	if near, ok := diag.Nearest(name, names); ok {
		return usageError{fmt.Errorf("there is no collection %q; did you mean %s?", name, near)}
	}
	if len(names) == 0 {
		return usageError{errors.New("there are no collections; make one with `tandem embed NAME FILE`")}
	}
	return usageError{fmt.Errorf("there is no collection %q; there are: %s", name, strings.Join(names, ", "))}
}

func (s *chatSession) listCollections(ctx context.Context) error {
	names := s.collectionNames(ctx)
	if len(names) == 0 {
		s.tell("there are no collections; make one with `tandem embed NAME FILE`")
		return nil
	}
	for _, name := range names {
		mark := "off"
		if name == s.chat.Collection {
			mark = "on"
		}
		s.app.term.Noticef("  %-3s  %s", mark, terminal.OneLine(name))
	}
	return nil
}

// passages looks up what a message is sent with, and says where it is from. Where a
// passage must not leave this machine, the conversation does not from here on.
func (s *chatSession) passages(ctx context.Context, text string) ([]attachment, error) {
	name := s.chat.Collection
	if name == "" {
		return nil, nil
	}
	found, _, err := s.stack.Collections.Find(ctx, name, text, passagesForMessage, retrieve.Search{Privacy: s.req.Privacy})
	if err != nil {
		return nil, err
	}
	if retrieve.Privacy(found) == provider.PrivacyLocal && s.req.Privacy != provider.PrivacyLocal {
		s.req.Privacy, s.chat.Privacy = provider.PrivacyLocal, provider.PrivacyLocal
		s.note("from now on this conversation stays on this machine, because passages of " + name + " must")
	}
	if len(found) == 0 {
		s.warn(name + " has no passage for this message")
		return nil, nil
	}
	var places []string
	size := 0
	for _, p := range found {
		size += len(p.Text)
		if place := p.Place(); !slices.Contains(places, place) {
			places = append(places, place)
		}
	}
	s.note(fmt.Sprintf("%s from %s: %s", count(len(found), "passage"), name, strings.Join(places, ", ")))
	body := "Passages of the collection " + name + " that may help with the answer:\n\n" + retrieve.Format(found) + "\n\n"
	return []attachment{{store.Attachment{Kind: store.AttachedPassages, Name: name + ": " + strings.Join(places, ", "), Bytes: size, Length: len(body)}, body}}, nil
}
