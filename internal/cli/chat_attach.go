package cli

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tandem-llm/tandem/internal/store"
	"github.com/tandem-llm/tandem/internal/terminal"
	"github.com/tandem-llm/tandem/internal/textx"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/router"
)

// attachment is something that goes with a message, and its text.
type attachment struct {
	store.Attachment
	text string
}

func (a *attachment) same(b *attachment) bool {
	return a.Kind == b.Kind && a.Name == b.Name && a.text == b.text && a.SHA256 == b.SHA256
}

// attachmentsOf is what went with a message that was sent. Passages were for that
// message alone, and are among them only where it is asked again.
func attachmentsOf(m *store.Said, again bool) (out []attachment) {
	for i, a := range m.Attached {
		if again || a.Kind != store.AttachedPassages {
			out = append(out, attachment{a, m.AttachedText(i)})
		}
	}
	return out
}

// attach adds to what goes with the next message, each thing once. Images are
// refused where nobody who may be asked can read them.
func (s *chatSession) attach(ctx context.Context, files *attached) error {
	var fresh []attachment
	for _, t := range files.texts {
		fresh = append(fresh, attachment{store.Attachment{Kind: store.AttachedFile, Name: t.name, Bytes: t.bytes, Length: len(t.text)}, t.text})
	}
	for _, name := range files.images {
		a, err := imageAttachment(ctx, name)
		if err != nil {
			return err
		}
		fresh = append(fresh, a)
	}
	if len(files.images) > 0 {
		if err := s.checkImages(ctx, fresh); err != nil {
			return err
		}
	}
	return s.attachOnce(fresh)
}

// attachOnce adds what is not there yet.
func (s *chatSession) attachOnce(fresh []attachment) error {
	all := slices.Clone(s.pending)
	size := 0
	for i := range fresh {
		if !slices.ContainsFunc(all, func(a attachment) bool { return a.same(&fresh[i]) }) {
			all = append(all, fresh[i])
		}
	}
	for i := range all {
		size += len(all[i].text)
	}
	if size > maxInput {
		return usageError{fmt.Errorf("the attached files are larger than %d MiB together, more than any model reads; `/file off` removes them", maxInput>>20)}
	}
	s.pending = all
	return nil
}

func imageAttachment(ctx context.Context, name string) (attachment, error) {
	images, err := readImages(ctx, []string{name})
	if err != nil {
		return attachment{}, err
	}
	path, err := filepath.Abs(name)
	if err != nil {
		return attachment{}, err
	}
	sum := sha256.Sum256(images[0].Data)
	return attachment{Attachment: store.Attachment{
		Kind: store.AttachedImage, Name: filepath.ToSlash(filepath.Clean(name)), Bytes: len(images[0].Data), MIME: images[0].MIME,
		SHA256: hex.EncodeToString(sum[:]), Path: path, Data: images[0].Data,
	}}, nil
}

// checkImages refuses images that nobody who may be asked can read. It sends them
// nowhere.
func (s *chatSession) checkImages(ctx context.Context, with []attachment) error {
	planner, ok := provider.As[router.Planner](s.stack.Provider)
	if !ok {
		return nil // answers are replayed
	}
	req := s.req
	m := provider.User("What is this?")
	for i := range with {
		if with[i].Data != nil {
			m.Images = append(m.Images, provider.Image{Data: with[i].Data, MIME: with[i].MIME})
		}
	}
	req.Messages = []provider.Message{m}
	plan, err := planner.Plan(ctx, req)
	if err == nil {
		err = plan.Err()
	}
	if provider.KindOf(err) == provider.Unsupported {
		return fmt.Errorf("no image was attached: %w; /models shows what else there is, and /model switches to it", err)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return nil // what else is in the way is told when the message is sent
}

// sayAttached says what was attached, with its size.
func (s *chatSession) sayAttached(with []attachment) {
	if len(with) > 0 {
		s.note("goes with the next message: " + attachedLine(with))
	}
}

// attachedLine lists attachments on one line, the first few by name.
func attachedLine(with []attachment) string {
	const most = 5
	var names []string
	rest, bytes := 0, 0
	for i := range with {
		if i >= most {
			rest, bytes = rest+1, bytes+with[i].Bytes
			continue
		}
		names = append(names, with[i].described())
	}
	if rest > 0 {
		names = append(names, fmt.Sprintf("%d more (%s)", rest, textx.Bytes(int64(bytes))))
	}
	return terminal.OneLine(strings.Join(names, ", "))
}

func (a *attachment) described() string {
	what := textx.Bytes(int64(a.Bytes))
	switch a.Kind {
	case store.AttachedImage:
		what = "image, " + what
	case store.AttachedPassages:
		what = "passages, " + what
	}
	return fmt.Sprintf("%s (%s)", a.Name, what)
}

// detach removes from what goes with the next message what has gone.
func (s *chatSession) detach(gone []attachment) {
	s.pending = slices.DeleteFunc(slices.Clone(s.pending), func(a attachment) bool {
		return slices.ContainsFunc(gone, func(g attachment) bool { return g.same(&a) })
	})
}

// setFiles is /file.
func (s *chatSession) setFiles(ctx context.Context, arg string) error {
	return s.setAttached(ctx, arg, func(names []string) (attached, error) {
		out, _, err := s.app.attach(ctx, attachFlags{names, s.req.Privacy == provider.PrivacyLocal}, nil)
		return out, err
	})
}

// setImages is /image.
func (s *chatSession) setImages(ctx context.Context, arg string) error {
	return s.setAttached(ctx, arg, func(names []string) (attached, error) { return attached{images: names}, nil })
}

// setAttached lists what goes with the next message, drops some of it, or adds
// what read finds.
func (s *chatSession) setAttached(ctx context.Context, arg string, read func(names []string) (attached, error)) error {
	name, off := strings.CutPrefix(arg+" ", "off ")
	switch name = strings.TrimSpace(name); {
	case arg == "" && len(s.pending) == 0:
		s.tell("nothing is attached; name a file, such as /file notes.txt or /image cat.png")
		return nil
	case arg == "":
		for i := range s.pending {
			s.app.term.Noticef("  %s", terminal.OneLine(s.pending[i].described()))
		}
		s.note("these go with the next message; `/file off NAME` removes one, `/file off` all")
		return nil
	case off:
		return s.dropAttached(name)
	}
	files, err := read(pathsOf(arg))
	if err != nil {
		return err
	}
	before := len(s.pending)
	if err := s.attach(ctx, &files); err != nil {
		return err
	}
	if len(s.pending) == before {
		s.note("it is attached already")
	}
	s.sayAttached(s.pending[before:])
	return nil
}

func (s *chatSession) dropAttached(name string) error {
	left := slices.DeleteFunc(slices.Clone(s.pending), func(a attachment) bool {
		return name == "" || a.Name == name || filepath.Base(a.Name) == name
	})
	switch {
	case len(s.pending) == 0:
		return usageError{errors.New("nothing is attached")}
	case len(left) == len(s.pending):
		return usageError{fmt.Errorf("%s is not attached; /file lists what is", name)}
	}
	s.note("no longer attached: " + count(len(s.pending)-len(left), "file") + map[bool]string{true: "; nothing is left"}[len(left) == 0])
	s.pending = left
	return nil
}

// userMessage is a message as it is sent. An image whose data is not here any
// more is read again; where it is gone or has changed, the message says so.
func (s *chatSession) userMessage(ctx context.Context, m *store.Said) provider.Message {
	out := provider.User(m.Text)
	for i := range m.Attached {
		a := &m.Attached[i]
		if a.Kind != store.AttachedImage {
			continue
		}
		if a.Data == nil && !s.gone[a.SHA256] {
			s.readAgain(ctx, a)
		}
		if a.Data == nil {
			out.Text += "\n\n[An image, " + a.Name + ", was attached to this message. It is no longer available.]"
			continue
		}
		out.Images = append(out.Images, provider.Image{Data: a.Data, MIME: a.MIME})
	}
	return out
}

// readAgain reads an image of a conversation that is resumed from where it was.
func (s *chatSession) readAgain(ctx context.Context, a *store.Attachment) {
	if again, err := imageAttachment(ctx, a.Path); err == nil && again.SHA256 == a.SHA256 {
		a.Data = again.Data
		return
	}
	if ctx.Err() != nil {
		return
	}
	if s.gone == nil {
		s.gone = map[string]bool{}
	}
	s.gone[a.SHA256] = true
	s.app.infof("%s %s of an earlier message is not sent: the file is gone or has changed; /image attaches it again", s.app.term.Yellow("warning:"), terminal.OneLine(a.Name))
}
