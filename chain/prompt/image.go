package prompt

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/tandem-llm/tandem/chain/template"
	"github.com/tandem-llm/tandem/internal/files"
	"github.com/tandem-llm/tandem/internal/textx"
	"github.com/tandem-llm/tandem/provider"
)

// maxImage is the most bytes that a picture may have.
const maxImage = 20 << 20

// image is a picture's compiled template.
type image struct {
	text *template.Template
	file bool // its author wrote how it begins, so it may name a file
}

// imageDir is the directory of pictures.
type imageDir struct {
	fsys fs.FS
	path string
}

func (c *compiler) image(i int, f template.Format, text string) image {
	im := image{text: c.template("images", i, f, text)}
	if im.text == nil {
		return im
	}
	trimmed := strings.TrimSpace(text)
	im.file = !strings.HasPrefix(trimmed, "{")
	switch remote := isRemote(trimmed); {
	case trimmed == "":
		c.fail("images", i, "the image is empty", "write a path, an https: or data: URL")
	case im.file && !remote && c.options.Dir == "":
		c.fail("images", i, "there is no folder to read images from", "write an https: or data: URL, or put the prompt into a file beside them")
	case im.file && !remote:
		if what := badPath(trimmed); what != "" {
			c.fail("images", i, what, "name a file in the prompt's own folder, or below it")
		}
	}
	return im
}

func isRemote(ref string) bool {
	scheme, _, ok := strings.Cut(ref, ":")
	return ok && len(scheme) > 1 && !strings.ContainsAny(scheme, `/\{`)
}

// badPath says why a path cannot be one in a folder, "" where it can.
func badPath(path string) string {
	slashed := strings.ReplaceAll(path, `\`, "/")
	switch {
	case filepath.IsAbs(path) || strings.HasPrefix(slashed, "/") || filepath.VolumeName(path) != "":
		return fmt.Sprintf("the path %q is absolute", textx.Shorten(path))
	case strings.Contains("/"+slashed+"/", "/../"):
		return fmt.Sprintf("the path %q has .. in it", textx.Shorten(path))
	}
	return ""
}

func (im *image) render(dir *imageDir, v template.Values) (provider.Image, error) {
	ref, err := im.text.Render(v)
	if err != nil {
		return provider.Image{}, err
	}
	ref = strings.TrimSpace(ref)
	if isRemote(ref) {
		got, err := imageAt(ref)
		if err != nil {
			return got, provider.Errorf(provider.Invalid, "", "", "%w", err)
		}
		return got, nil
	}
	if !im.file {
		return provider.Image{}, provider.Errorf(provider.Invalid, "", "", "an image's value is a path, but a value must not choose a file; write the folder into the prompt (images/{name}), or use an https: or data: URL")
	}
	data, err := dir.read(ref)
	if err != nil {
		return provider.Image{}, provider.Errorf(provider.Invalid, "", "", "image %q: %w", textx.Shorten(ref), err)
	}
	return pictureOf(data)
}

// imageAt reads an https: or data: URL. The text of neither is in the errors:
// it may be long, and private.
func imageAt(ref string) (provider.Image, error) {
	scheme, rest, _ := strings.Cut(ref, ":")
	switch strings.ToLower(scheme) {
	case "https":
		if u, err := url.Parse(ref); err != nil || u.Host == "" {
			return provider.Image{}, errors.New("an image's https: URL cannot be read; check it")
		}
		return provider.Image{URL: ref}, nil
	case "data":
		kind, data, ok := strings.Cut(rest, ",")
		if !ok || !strings.HasSuffix(kind, ";base64") {
			return provider.Image{}, errors.New("an image's data: URL must be data:image/…;base64,…")
		}
		if len(data) > maxImage/3*4+4 {
			return provider.Image{}, fmt.Errorf("an image is larger than %d MiB; make it smaller", maxImage>>20)
		}
		bytes, err := base64.StdEncoding.DecodeString(data)
		if err != nil {
			return provider.Image{}, errors.New("an image's data: URL is not base64; check that it is whole")
		}
		return pictureOf(bytes)
	}
	return provider.Image{}, errors.New("an image must be an https: or data: URL; other schemes are not fetched")
}

// read returns a file's bytes. Symbolic links may not lead out of the folder.
func (d *imageDir) read(path string) ([]byte, error) {
	if d.path == "" {
		return nil, errors.New("there is no folder to read images from; give an https: or data: URL")
	}
	if what := badPath(path); what != "" {
		return nil, errors.New(what + "; name a file in the prompt's own folder, or below it")
	}
	data, err := readIn(d.fsys, d.path, path, maxImage)
	if err != nil {
		return nil, err
	}
	return data, nil
}

// readIn reads a regular file below dir, wherever links lead within it.
func readIn(fsys fs.FS, dir, path string, limit int64) ([]byte, error) {
	root, err := files.OpenDir(fsys, dir)
	if err != nil {
		return nil, cause(err)
	}
	defer root.Close()
	data, err := root.Read(path, limit)
	if refused := new(files.Error); errors.As(err, &refused) {
		return nil, errors.New("it " + refused.What + "; is it the right file?")
	}
	if err != nil {
		return nil, cause(err)
	}
	return data, nil
}

// cause says what is wrong with a path without the path.
func cause(err error) error {
	var pe *os.PathError
	switch {
	case errors.Is(err, os.ErrNotExist):
		return errors.New("there is no such file; check the path")
	case errors.Is(err, os.ErrPermission):
		return errors.New("permission denied")
	case errors.As(err, &pe) && strings.Contains(pe.Err.Error(), "escapes"):
		return errors.New("it leads out of the folder; copy the file into it")
	case errors.As(err, &pe):
		return pe.Err
	}
	return err
}

// pictureOf says what kind of picture data is.
func pictureOf(data []byte) (provider.Image, error) {
	im := provider.Image{Data: data}
	switch {
	case bytes.HasPrefix(data, []byte("\x89PNG\r\n\x1a\n")):
		im.MIME = "image/png"
	case bytes.HasPrefix(data, []byte("\xff\xd8\xff")):
		im.MIME = "image/jpeg"
	case bytes.HasPrefix(data, []byte("GIF87a")), bytes.HasPrefix(data, []byte("GIF89a")):
		im.MIME = "image/gif"
	case len(data) >= 12 && string(data[:4]) == "RIFF" && string(data[8:12]) == "WEBP":
		im.MIME = "image/webp"
	default:
		return provider.Image{}, provider.Errorf(provider.Invalid, "", "", "an image is not a PNG, JPEG, GIF or WebP; convert it first")
	}
	return im, nil
}
