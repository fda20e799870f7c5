package batchapi

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/tandem-llm/tandem/internal/batch"
	"github.com/tandem-llm/tandem/internal/table"
	"github.com/tandem-llm/tandem/provider"
	"github.com/tandem-llm/tandem/provider/openai"
)

// collect stores what has come of a part that has ended.
func (w *worker) collect(ctx context.Context, p *batch.Part, job *openai.BatchJob) error {
	left, err := w.anySent(ctx, p)
	if err != nil {
		return err
	}
	if !left { // a process before has stored all, and may have deleted the files
		return w.close(ctx, p)
	}
	var gone error
	unread := 0 // answers that there were, and whose lines could not be read
	for _, f := range []struct {
		id   string
		want int // lines, at least
	}{{job.Output, job.Completed}, {job.Errors, 0}} {
		if f.id == "" {
			continue
		}
		good, err := w.takeFile(ctx, p, f.id, f.want)
		unread += max(0, f.want-good)
		switch {
		case isGone(err):
			gone = fmt.Errorf("the file %s with the answers of %s is no more at the provider, and what they cost is not known", f.id, p.Job)
			w.say("%v", gone)
		case err != nil:
			return err
		}
	}
	return w.end(ctx, p, func(batch.Item) (answer, batch.Fate) {
		switch {
		case gone != nil:
			return answer{err: gone, lost: true}.as(w, provider.BadAnswer), batch.Failed
		case job.Status == openai.BatchCancelled:
			return answer{}, batch.Unasked
		case job.Status == openai.BatchExpired:
			return answer{err: errors.New("the batch expired before this row was answered")}.as(w, provider.Timeout), batch.Failed
		}
		unread--
		return answer{err: errors.New("the batch's answers have no line for this row"), lost: unread >= 0}.as(w, provider.BadAnswer), batch.Failed
	})
}

// anySent reports whether any row of a part has no result yet.
func (w *worker) anySent(ctx context.Context, p *batch.Part) (bool, error) {
	for _, err := range w.File.Sent(ctx, p.Number) {
		return err == nil, err
	}
	return false, nil
}

// isGone reports whether a file is not at the provider, though it was asked for again.
func isGone(err error) bool {
	var e *provider.Error
	return errors.As(err, &e) && (e.Status == http.StatusNotFound || e.Status == http.StatusGone)
}

// clear deletes a part's files at the provider, which nobody needs any more.
func (w *worker) clear(ctx context.Context, p *batch.Part) {
	files := []string{p.File}
	if s := w.seen[p.Number]; s != nil {
		files = append(files, s.files...)
	}
	for _, id := range files {
		if id == "" {
			continue
		}
		calling, cancel := context.WithTimeout(ctx, callTime)
		if err := w.API.Delete(calling, id); err != nil && !isGone(err) {
			w.say("could not delete the file %s at %s (%v); delete it there", id, w.Provider, ownTimeout(ctx, w.Provider, err))
		}
		cancel()
	}
}

// mostShort is how often a file is asked for again that has fewer lines than the
// provider says, or lines that cannot be read.
const mostShort = 3

// takeFile takes in a file of answers. One that is cut off is asked for again: rows
// that are stored already are left as they are. good is how many lines could be read.
func (w *worker) takeFile(ctx context.Context, p *batch.Part, id string, want int) (good int, err error) {
	short := 0
	err = w.insist(ctx, "download the answers", func(int) error {
		downloading, cancel := context.WithTimeout(ctx, uploadTime)
		defer cancel()
		file, err := w.API.Download(downloading, id)
		var e *provider.Error
		if errors.As(err, &e) && (e.Status == http.StatusNotFound || e.Status == http.StatusConflict) {
			return &provider.Error{Kind: provider.Unavailable, Provider: w.Provider, Status: e.Status, Err: fmt.Errorf("the file %s is not there: %w", id, e.Err)}
		}
		if err != nil {
			return ownTimeout(ctx, w.Provider, err)
		}
		defer file.Close()
		n, bad, err := w.takeLines(ctx, p, file)
		good = max(good, n)
		if err = ownTimeout(ctx, w.Provider, err); err != nil {
			return err
		}
		if bad == 0 && n >= want || short == mostShort {
			return nil
		}
		short++
		return provider.Errorf(provider.Truncated, w.Provider, "", "the file %s has %d of %d lines, and %d more are not JSON", id, n, want, bad)
	})
	return good, err
}

// takeLines stores what the lines of a file say, in any order, and counts those that
// are whole and those that are not.
func (w *worker) takeLines(ctx context.Context, p *batch.Part, file io.Reader) (good, bad int, err error) {
	var ended []batch.Outcome
	taken := map[int]bool{} // that are not stored yet
	lines := bufio.NewReaderSize(file, 64<<10)
	for {
		line, end := table.ReadLine(lines, errLongLine)
		if end != nil && end != io.EOF {
			return good, bad, errors.Join(end, w.store(ctx, ended))
		}
		if line = bytes.TrimSpace(line); len(line) > 0 {
			row, a, err := w.parse(line)
			switch {
			case err != nil:
				bad++
			default:
				good++
				item, is, err := w.File.SentRow(ctx, p.Number, row)
				if err != nil {
					return good, bad, err
				}
				if !is || taken[row] || errors.Is(a.err, errNotRun) { // unknown, or stored already: the first line counts
					break
				}
				taken[row] = true
				out := w.outcome(ctx, p, item, a)
				if ctx.Err() != nil {
					return good, bad, errors.Join(ctx.Err(), w.store(ctx, ended))
				}
				ended = append(ended, out)
			}
		}
		if len(ended) == storeRows || end == io.EOF {
			if err := w.store(ctx, ended); err != nil || end == io.EOF {
				return good, bad, err
			}
			ended = nil
			clear(taken)
		}
	}
}

// errNotRun is what a cancelled batch says of the rows that it did not run.
var errNotRun = errors.New("not run")

// parse reads a line of answers.
func (w *worker) parse(line []byte) (row int, a answer, err error) {
	var l struct {
		ID       string `json:"custom_id"`
		Response *struct {
			Status  int             `json:"status_code"`
			Request string          `json:"request_id"`
			Body    json.RawMessage `json:"body"`
		} `json:"response"`
		Error *struct {
			Code    string `json:"code"`
			Message string `json:"message"`
		} `json:"error"`
	}
	if err := json.Unmarshal(line, &l); err != nil {
		return 0, a, err
	}
	row, ok := rowOf(l.ID)
	switch {
	case !ok:
		return 0, a, errors.New("it has the custom_id of no row")
	case l.Response != nil && l.Response.Status != 0:
		return row, answer{status: l.Response.Status, id: l.Response.Request, body: l.Response.Body}, nil
	case l.Error != nil && l.Error.Code == "batch_expired":
		return row, answer{err: errors.New("the batch expired before this row was answered")}.as(w, provider.Timeout), nil
	case l.Error != nil && l.Error.Code == "batch_cancelled":
		return row, answer{err: errNotRun}, nil
	case l.Error != nil:
		body, err := json.Marshal(map[string]any{"error": l.Error})
		return row, answer{status: http.StatusInternalServerError, body: body}, err
	}
	return row, answer{err: errors.New("its line in the answers has neither a response nor an error")}.as(w, provider.BadAnswer), nil
}

var errLongLine = fmt.Errorf("a line of the answers is larger than %d MiB", table.MaxRow>>20)
