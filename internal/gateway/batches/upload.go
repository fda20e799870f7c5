package batches

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime/multipart"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/tandem-llm/tandem/internal/files"
	"github.com/tandem-llm/tandem/internal/gateway/exchange"
	"github.com/tandem-llm/tandem/internal/gateway/openai"
	"github.com/tandem-llm/tandem/internal/store"
)

// The purposes of files.
const (
	purposeBatch  = "batch"
	purposeOutput = "batch_output"
)

const (
	// mostFields is how many parts a form may have, and mostField how many bytes one that
	// is no file.
	mostFields, mostField = 20, 1 << 10
	// mostName is how long a file's name may be, in characters.
	mostName = 255
	// mostUploads is how many files may be on their way at a time.
	mostUploads = 4
	leastKeep   = time.Hour
)

// form is what a client sends with a file.
type form struct {
	draft  *files.Draft
	name   string
	fields map[string]string
}

// upload stores a file.
func (s *Service) upload(w http.ResponseWriter, r *http.Request) {
	select {
	case s.uploads <- struct{}{}:
		defer func() { <-s.uploads }()
	default:
		openai.Fail(w, &exchange.Failure{Status: http.StatusTooManyRequests, Code: exchange.CodeBusy, Retry: true, RetryAfter: time.Second, Message: "too many files are being sent; try again in a moment"})
		return
	}
	f, err := s.store(r)
	if err != nil {
		openai.Fail(w, s.unstored(err))
		return
	}
	exchange.WriteJSON(w, http.StatusOK, f.object())
}

// unstored is why a file was not stored, without what is the server's own.
func (s *Service) unstored(err error) *exchange.Failure {
	var f *exchange.Failure
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &f):
		return f
	case errors.As(err, &large):
		return exchange.FailureOf(err)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return &exchange.Failure{Status: http.StatusRequestTimeout, Code: "request_timeout", Message: "the file did not arrive in time"}
	case errors.Is(err, errFull):
		return &exchange.Failure{Status: http.StatusInsufficientStorage, Code: "storage_full", Message: fmt.Sprintf("the files that are stored take all of %d GiB; delete some", s.files.most>>30)}
	}
	s.warn("a file was not stored: " + err.Error())
	return &exchange.Failure{Status: http.StatusInternalServerError, Code: exchange.CodeInternal, Message: "the file could not be stored; the server's log says why"}
}

// store reads a form to its end, and stores its file.
func (s *Service) store(r *http.Request) (file, error) {
	in, err := s.readForm(r)
	if in.draft != nil {
		defer in.draft.Discard() //nolint:errcheck // published, or of no use
	}
	if err != nil {
		return file{}, err
	}
	now := s.now()
	f := file{ID: filePrefix + store.NewID(), Caller: s.cfg.Exchange.Caller(r.Context()).Name, Name: in.name, Purpose: in.fields["purpose"], Created: now.Unix()}
	switch {
	case f.Purpose == "":
		return f, exchange.Refuse("purpose", "purpose: it is missing; send batch")
	case f.Purpose != purposeBatch:
		return f, exchange.Refuse("purpose", "purpose: it has to be batch, not "+exchange.Brief(f.Purpose)+"; files for other purposes are not stored here")
	case in.draft == nil:
		return f, exchange.Refuse("file", "file: it is missing; send the requests, one per line")
	}
	keep, err := keepOf(in.fields["expires_after[anchor]"], in.fields["expires_after[seconds]"])
	if err != nil {
		return f, err
	}
	f.Expires = now.Add(keep).Unix()
	return f, s.files.put(in.draft, &f)
}

// keepOf is how long a file is to be kept.
func keepOf(anchor, seconds string) (time.Duration, error) {
	if anchor == "" && seconds == "" {
		return keepFiles, nil
	}
	if anchor != "created_at" {
		return 0, exchange.Refuse("expires_after.anchor", "expires_after.anchor: it has to be created_at")
	}
	n, err := strconv.ParseInt(seconds, 10, 32)
	if keep := time.Duration(n) * time.Second; err == nil && keep >= leastKeep && keep <= keepFiles {
		return keep, nil
	}
	return 0, exchange.Refuse("expires_after.seconds", fmt.Sprintf("expires_after.seconds: it has to be from %d to %d", int(leastKeep.Seconds()), int(keepFiles.Seconds())))
}

// readForm reads a form to its end. Its file goes to the disk as it comes.
func (s *Service) readForm(r *http.Request) (in form, err error) {
	in.fields = map[string]string{}
	parts, err := r.MultipartReader()
	if err != nil {
		return in, exchange.Refuse("", "the body has to be a form (multipart/form-data) with purpose and file")
	}
	for n := 0; ; n++ {
		part, err := parts.NextPart()
		if err == io.EOF { //nolint:errorlint // io.EOF alone is the closing boundary; one that is wrapped, a form that was cut off
			_, err = io.Copy(io.Discard, r.Body) // what comes after the form, so that its end is seen
			return in, err
		}
		if err == nil && n == mostFields {
			err = exchange.Refuse("", fmt.Sprintf("the form has more than %d parts", mostFields))
		}
		if err == nil {
			err = s.readPart(&in, part)
		}
		if err != nil {
			return in, formError(err)
		}
	}
}

// formError tells a form that cannot be read from other errors.
func formError(err error) error {
	var f *exchange.Failure
	var large *http.MaxBytesError
	var path *fs.PathError
	if errors.As(err, &f) || errors.As(err, &large) || errors.As(err, &path) || errors.Is(err, os.ErrDeadlineExceeded) {
		return err
	}
	return exchange.Refuse("", "the form cannot be read: it ended early, or is not multipart/form-data")
}

func (s *Service) readPart(in *form, part *multipart.Part) (err error) {
	name := part.FormName()
	if name == "file" {
		if in.draft != nil {
			return exchange.Refuse("file", "file: it is sent twice; send one file per request")
		}
		if in.draft, err = s.files.draft(); err != nil {
			return err
		}
		in.name = shownName(part.FileName())
		n, err := io.Copy(in.draft, part)
		if err == nil && n == 0 {
			err = exchange.Refuse("file", "file: it is empty")
		}
		return err
	}
	data, err := io.ReadAll(io.LimitReader(part, mostField+1))
	if err == nil && len(data) > mostField {
		err = exchange.Refuse(exchange.Brief(name), exchange.Brief(name)+": it is too long")
	}
	if _, twice := in.fields[name]; err == nil && twice {
		err = exchange.Refuse(exchange.Brief(name), exchange.Brief(name)+": it comes twice")
	}
	in.fields[name] = string(data)
	return err
}

// shownName is a file's name as it may be told. It is never one on this machine.
func shownName(name string) string {
	name = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, name)
	if runes := []rune(name); len(runes) > mostName {
		name = string(runes[:mostName])
	}
	return cmp.Or(name, "requests.jsonl")
}
