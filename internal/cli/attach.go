package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/tandem-llm/tandem/config"
	"github.com/tandem-llm/tandem/internal/httpx"
	"github.com/tandem-llm/tandem/internal/terminal"
	"github.com/tandem-llm/tandem/internal/textx"
	"github.com/tandem-llm/tandem/internal/webpage"
	"github.com/tandem-llm/tandem/provider"
)

// attachFlags are the files that go before a prompt; ask and chat share them.
type attachFlags struct {
	files []string
	local bool // the conversation stays on this machine, whatever the configuration says
}

func (in *attachFlags) register(f *pflag.FlagSet) {
	f.StringArrayVarP(&in.files, "file", "f", nil, "text `file` to put before the prompt, folder, 'pattern' or URL (repeatable)")
}

// attached is what goes with a prompt.
type attached struct {
	texts  []attachedText
	images []string
	found  bool // some are of a folder or pattern
}

// attachedText is a text that goes before a prompt.
type attachedText struct {
	name  string
	text  string // with its name and a fence
	bytes int    // of the file
}

// text is what goes before the prompt.
func (a *attached) text() string {
	var b strings.Builder
	for _, t := range a.texts {
		b.WriteString(t.text)
	}
	return b.String()
}

// isImageFile reports whether a file is sent as a picture, by its extension.
func isImageFile(name string) bool {
	return slices.Contains([]string{".png", ".jpg", ".jpeg", ".webp", ".gif"}, strings.ToLower(filepath.Ext(name)))
}

// attach reads the files of --file, and those that whole words name with an @
// before, which it takes out of words. What is found in a folder or by a pattern
// and is no text is left out with a note.
func (a *app) attach(ctx context.Context, in attachFlags, words []string) (attached, []string, error) {
	named, words := a.atFiles(words)
	var out attached
	if len(named)+len(in.files) == 0 {
		return out, words, nil
	}
	if slices.Contains(in.files, stdinPath) {
		return out, words, usageError{fmt.Errorf("--file - is not needed: what is piped in goes before the prompt")}
	}
	skip := func(name, reason string) {
		a.infof("%s %s is left out: %s", a.term.Yellow("warning:"), terminal.StripControls(name), reason)
	}
	list := fileList{seen: map[string]bool{}, skip: skip, pipes: true}
	size := 0
	for _, name := range append(slices.Clone(in.files), named...) {
		if webpage.IsURL(name) {
			page, err := a.fetch(ctx, name, in.local)
			if err != nil {
				return out, words, err
			}
			out.texts = append(out.texts, attachedText{page.URL, fenced(page.URL, page.Text), len(page.Text)})
			if size += len(page.Text); size > maxInput {
				return out, words, errTooMuch
			}
			continue
		}
		if err := list.add(name, false); err != nil {
			return out, words, err
		}
	}
	for _, f := range list.out {
		out.found = out.found || f.found
		if isImageFile(f.name) {
			out.images = append(out.images, f.name)
			continue
		}
		body, err := f.read(ctx, a.term)
		if ctx.Err() != nil {
			return out, words, ctx.Err()
		}
		if err != nil && f.found {
			skip(f.name, err.Error())
			continue
		}
		if err != nil {
			return out, words, err
		}
		out.texts = append(out.texts, attachedText{f.name, fenced(f.name, body), len(body)})
		if size += len(body); size > maxInput {
			return out, words, errTooMuch
		}
	}
	if len(out.texts)+len(out.images) == 0 {
		return out, words, usageError{fmt.Errorf("%s has no file that can be sent", strings.Join(in.files, ", "))}
	}
	return out, words, nil
}

var errTooMuch = usageError{fmt.Errorf("the files are larger than %d MiB together, more than any model reads; send a part of them", maxInput>>20)}

// mostAttachedNamed is how many files a line names, unless --verbose asks for all.
const mostAttachedNamed = 6

// sayAttached says which files of folders and patterns go with the prompt.
func (a *app) sayAttached(files *attached) {
	if !files.found {
		return
	}
	size, names := 0, slices.Clone(files.images)
	for _, t := range files.texts {
		names = append(names, t.name)
		size += t.bytes
	}
	n := len(names)
	if n > mostAttachedNamed && !a.flags.verbose {
		names = append(names[:mostAttachedNamed], fmt.Sprintf("and %d more", n-mostAttachedNamed))
	}
	text := ""
	if size > 0 {
		text = "; " + textx.Bytes(int64(size)) + " of text"
	}
	a.dimf("· attached %s (%s%s)", count(n, "file"), terminal.OneLine(strings.Join(names, ", ")), text)
}

// fenced is a file's text with its name, in a fence that the text does not close.
func fenced(name, text string) string {
	fence := "```"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	if text != "" && !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	return name + ":\n" + fence + "\n" + text + fence + "\n\n"
}

// fetch gets a web page, and says from where and how much. local: the request may go
// to this machine only, as under privacy: local.
func (a *app) fetch(ctx context.Context, address string, local bool) (webpage.Page, error) {
	cfg, err := a.load()
	if err != nil {
		return webpage.Page{}, err
	}
	policy := httpx.Policy{Offline: cfg.Offline, LocalOnly: local || cfg.Privacy == config.PrivacyLocal, LocalNetworks: cfg.LocalNetworks}
	page, err := webpage.Fetch(ctx, webpage.Options{Policy: policy, UserAgent: "tandem/" + buildVersion().Version}, address)
	var refused *provider.Error
	if err != nil && !errors.As(err, &refused) && ctx.Err() == nil {
		err = usageError{err}
	}
	if err == nil {
		size := fmt.Sprintf("%d bytes", len(page.Text))
		if len(page.Text) >= 1<<10 {
			size = bytesText(int64(len(page.Text)))
		}
		a.infof("%s", a.term.Dim(fmt.Sprintf("· fetched %s: %s of text", terminal.OneLine(page.Host), size)))
	}
	return page, err
}

// isPage reports whether a word behind an @ names a web page.
func isPage(name string) bool {
	return webpage.IsURL(name) && (strings.HasPrefix(name, "http://") || strings.HasPrefix(name, "https://"))
}

// atFiles are the files that words name: a whole word of @ and an existing file or a URL.
// @@ in its place is a word that begins with one @. Other words stay.
func (a *app) atFiles(words []string) (files, rest []string) {
	for _, w := range words {
		name, at := strings.CutPrefix(w, "@")
		literal, escaped := strings.CutPrefix(name, "@")
		switch {
		case at && escaped && (isFile(literal) || isPage(literal)):
			rest = append(rest, name)
		case at && (isFile(name) || isPage(name)):
			files = append(files, name)
		default:
			if at && name != "" && !escaped && !strings.ContainsAny(w, " \t\n") {
				a.infof("%s", a.term.Dim("· there is no file "+terminal.StripControls(name)+": "+terminal.StripControls(w)+" is sent as it is"))
			}
			rest = append(rest, w)
		}
	}
	return files, rest
}

func isFile(name string) bool {
	st, err := os.Stat(name)
	return name != "" && err == nil && st.Mode().IsRegular()
}

// readImages reads pictures.
func readImages(ctx context.Context, paths []string) (out []provider.Image, err error) {
	for _, path := range paths {
		data, err := readFile(ctx, path, maxImage)
		if err != nil {
			return nil, err
		}
		mime := http.DetectContentType(data)
		if !strings.HasPrefix(mime, "image/") {
			return nil, usageError{fmt.Errorf("%s is not an image (it looks like %s); give a PNG, JPEG, WebP or GIF file", path, mime)}
		}
		out = append(out, provider.Image{Data: data, MIME: mime})
	}
	return out, nil
}
