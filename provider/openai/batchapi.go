package openai

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"mime/multipart"
	"net/http"

	goopenai "github.com/sashabaranov/go-openai"

	"github.com/tandem-llm/tandem/internal/httpx"
	"github.com/tandem-llm/tandem/provider"
)

// BatchAPI is the server's Batch API: a file of requests is uploaded and answered
// within a day. Get it with [Provider.BatchAPI].
//
// It retries nothing. Errors are as for Chat: *[provider.Error], or ctx's own. Where
// Sent is set and Status is not, the server may have done what was asked.
type BatchAPI struct {
	p         *Provider
	transport *httpx.Transport
	client    *goopenai.Client
}

// BatchAPI returns the server's Batch API. It makes no call: whether the server has
// one, its first call tells. Its calls are carried by a round tripper of their own, as
// files take longer than answers may; nil: by the provider's.
func (p *Provider) BatchAPI(carrier http.RoundTripper) *BatchAPI {
	t := p.transport
	if carrier != nil {
		t = httpx.Around(carrier)
	}
	c := goopenai.DefaultConfig(p.bearer)
	c.BaseURL, c.HTTPClient = p.cfg.BaseURL, t.Client()
	return &BatchAPI{p, t, goopenai.NewClientWithConfig(c)}
}

// Upload uploads a file of requests, size bytes long, and returns its ID. go-openai's
// own upload holds the file in memory twice.
func (b *BatchAPI) Upload(ctx context.Context, name string, size int64, content io.Reader) (id string, err error) {
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	if err := w.WriteField("purpose", string(goopenai.PurposeBatch)); err != nil {
		return "", err
	}
	if _, err := w.CreateFormFile("file", name); err != nil {
		return "", err
	}
	head := bytes.Clone(form.Bytes())
	form.Reset()
	if err := w.Close(); err != nil {
		return "", err
	}
	call := b.call(httpx.Whole)
	body := io.MultiReader(bytes.NewReader(head), content, &form)
	req, err := http.NewRequestWithContext(httpx.WithCall(ctx, call), http.MethodPost, b.p.cfg.BaseURL+"/files", body)
	if err != nil {
		return "", err
	}
	req.ContentLength = int64(len(head)) + size + int64(form.Len())
	req.Header.Set("Content-Type", w.FormDataContentType())
	req.Header.Set("Accept", "application/json")
	if b.p.bearer != "" {
		req.Header.Set("Authorization", "Bearer "+b.p.bearer)
	}
	resp, err := b.transport.Client().Do(req)
	var file goopenai.File
	if err == nil {
		defer resp.Body.Close()
		if resp.StatusCode >= http.StatusBadRequest {
			err = fmt.Errorf("status %d", resp.StatusCode) // the call has what was said
		} else {
			err = json.NewDecoder(resp.Body).Decode(&file)
		}
	}
	if err == nil && file.ID == "" {
		err = &httpx.NotAPIError{Got: "a file without an id"}
	}
	return file.ID, b.failure(ctx, call, err)
}

// Uploads are the IDs of the files of requests on the server, by their names: of
// several with one name, the first that the server lists.
func (b *BatchAPI) Uploads(ctx context.Context) (map[string]string, error) {
	ids, seen := map[string]string{}, map[string]bool{}
	for query := "purpose=" + string(goopenai.PurposeBatch); ; {
		call := b.call(httpx.Whole)
		call.Query = joinQuery(call.Query, query)
		list, err := b.client.ListFiles(httpx.WithCall(ctx, call))
		if err != nil {
			return nil, b.failure(ctx, call, err)
		}
		last := ""
		for _, f := range list.Files {
			if seen[f.ID] {
				continue
			}
			last, seen[f.ID] = f.ID, true
			if _, ok := ids[f.FileName]; !ok {
				ids[f.FileName] = f.ID
			}
		}
		if last == "" { // go-openai drops has_more, and servers ignore after
			return ids, nil
		}
		query = "purpose=" + string(goopenai.PurposeBatch) + "&after=" + last
	}
}

// Create starts a batch of an uploaded file, whose requests are all to one endpoint,
// such as /v1/chat/completions.
func (b *BatchAPI) Create(ctx context.Context, file, endpoint string, metadata map[string]string) (BatchJob, error) {
	of := map[string]any{}
	for k, v := range metadata {
		of[k] = v
	}
	call := b.call(httpx.Whole)
	r, err := b.client.CreateBatch(httpx.WithCall(ctx, call), goopenai.CreateBatchRequest{
		InputFileID: file, Endpoint: goopenai.BatchEndpoint(endpoint), CompletionWindow: "24h", Metadata: of,
	})
	return b.job(ctx, call, &r.Batch, err)
}

// Job is how far a batch is.
func (b *BatchAPI) Job(ctx context.Context, id string) (BatchJob, error) {
	call := b.call(httpx.Whole)
	r, err := b.client.RetrieveBatch(httpx.WithCall(ctx, call), id)
	return b.job(ctx, call, &r.Batch, err)
}

// Cancel has the server stop a batch. Its answers so far come as those of one that has
// expired.
func (b *BatchAPI) Cancel(ctx context.Context, id string) (BatchJob, error) {
	call := b.call(httpx.Whole)
	r, err := b.client.CancelBatch(httpx.WithCall(ctx, call), id)
	return b.job(ctx, call, &r.Batch, err)
}

// Jobs are all batches of the account, in the server's order: the newest first. An
// error is final.
func (b *BatchAPI) Jobs(ctx context.Context) iter.Seq2[BatchJob, error] {
	return func(yield func(BatchJob, error) bool) {
		seen, after := map[string]bool{}, (*string)(nil)
		for {
			call := b.call(httpx.Whole)
			list, err := b.client.ListBatch(httpx.WithCall(ctx, call), after, provider.Ptr(100))
			if err != nil {
				yield(BatchJob{}, b.failure(ctx, call, err))
				return
			}
			after = nil
			for i := range list.Data {
				if id := list.Data[i].ID; !seen[id] {
					seen[id], after = true, &id
					if !yield(job(&list.Data[i]), nil) {
						return
					}
				}
			}
			if after == nil || !list.HasMore {
				return
			}
		}
	}
}

// Download returns the content of a file, which the caller closes. Of a file that is
// cut off the last Read says so where the server had said how long it is.
func (b *BatchAPI) Download(ctx context.Context, file string) (io.ReadCloser, error) {
	call := b.call(httpx.Raw)
	r, err := b.client.GetFileContent(httpx.WithCall(ctx, call), file)
	if err != nil {
		return nil, b.failure(ctx, call, err)
	}
	return &download{r.ReadCloser, b, ctx, call}, nil
}

// Delete deletes a file.
func (b *BatchAPI) Delete(ctx context.Context, file string) error {
	call := b.call(httpx.Whole)
	return b.failure(ctx, call, b.client.DeleteFile(httpx.WithCall(ctx, call), file))
}

// download is a file that comes. Its errors are the provider's.
type download struct {
	io.ReadCloser
	b    *BatchAPI
	ctx  context.Context
	call *httpx.Call
}

// Read reads on.
func (d *download) Read(p []byte) (int, error) {
	n, err := d.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		d.call.Data = true
		err = d.b.failure(d.ctx, d.call, err)
	}
	return n, err
}

func (b *BatchAPI) call(d httpx.Dialect) *httpx.Call { return b.p.call(d, nil, provider.PrivacyAny) }

// job is a server's batch, or the error of the call.
func (b *BatchAPI) job(ctx context.Context, call *httpx.Call, r *goopenai.Batch, err error) (BatchJob, error) {
	if err == nil && r.ID == "" {
		err = &httpx.NotAPIError{Got: "a batch without an id"}
	}
	if err != nil {
		return BatchJob{}, b.failure(ctx, call, err)
	}
	return job(r), nil
}

func (b *BatchAPI) failure(ctx context.Context, call *httpx.Call, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	}
	return b.p.classify(call, "", false, nil, err)
}

func joinQuery(a, b string) string {
	if a == "" {
		return b
	}
	return a + "&" + b
}
