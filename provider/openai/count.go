package openai

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/tandem-llm/tandem/internal/failure"
	"github.com/tandem-llm/tandem/internal/httpx"
	"github.com/tandem-llm/tandem/internal/tokens"
	"github.com/tandem-llm/tandem/provider"
)

var _ provider.Counter = (*Provider)(nil)

// What is known of a server's own tokenizer.
const (
	counterUnknown int32 = iota
	counterThere
	counterAbsent
)

// CountTokens counts exactly where the server is llama.cpp's, which tells its
// chat template and its tokenizer at its root; else it estimates. Whether it
// is one is found out once, by the first count, with a word that is not the
// prompt. OpenAI itself is never asked, nor is a server elsewhere about a
// prompt that may not leave this machine.
func (p *Provider) CountTokens(ctx context.Context, req provider.Request) (n int, exact bool, err error) {
	model := p.model(req.Model)
	if err := req.Validate(); err != nil {
		return 0, false, failure.Named(err, p.cfg.Name, model)
	}
	if req.Schema != nil { // as a request whose answer is checked: it is the longest
		checked := *req.Schema
		checked.Checked = true
		req.Schema = &checked
	}
	w := p.wireFor(model, req.Schema)
	body, members, err := p.convert(&req, &w)
	if err != nil {
		return 0, false, err
	}
	estimate := tokens.Request(&req)
	u, err := url.Parse(p.cfg.BaseURL)
	if err != nil {
		return estimate, false, err // New has parsed it before
	}
	asked := u.Hostname() != "api.openai.com" && p.counter.Load() != counterAbsent && !images(&req) && p.checkPrivacy(model, req.Privacy) == nil
	if !asked {
		return estimate, false, nil
	}
	root := p.root()
	if p.counter.Load() == counterUnknown {
		n, err := p.tokenize(ctx, root, "tandem", req.Privacy)
		if err != nil && !saysAbsent(err) {
			return estimate, false, ctx.Err()
		}
		found := counterThere
		if n == 0 {
			found = counterAbsent
		}
		p.counter.Store(found)
		if n == 0 {
			return estimate, false, nil
		}
	}
	var rendered struct {
		Prompt string `json:"prompt"`
	}
	if err := p.post(ctx, root+"/apply-template", req.Privacy, members, body, &rendered); err != nil || rendered.Prompt == "" {
		return estimate, false, ctx.Err()
	}
	n, err = p.tokenize(ctx, root, rendered.Prompt, req.Privacy)
	if err != nil || n == 0 {
		return estimate, false, ctx.Err()
	}
	return n, true, nil
}

// root is where a server has what is no part of OpenAI's API.
func (p *Provider) root() string {
	u, err := url.Parse(p.cfg.BaseURL)
	if err != nil {
		return p.endpoint // New has parsed it before
	}
	return p.endpoint + strings.TrimSuffix(strings.TrimRight(u.Path, "/"), "/v1")
}

// tokenize is how many tokens text has, marks of the chat template included.
func (p *Provider) tokenize(ctx context.Context, root, text string, privacy provider.Privacy) (int, error) {
	var counted struct {
		Tokens []json.RawMessage `json:"tokens"`
	}
	question := map[string]any{"content": text, "add_special": true, "parse_special": true}
	err := p.post(ctx, root+"/tokenize", privacy, nil, question, &counted)
	return len(counted.Tokens), err
}

// statusError is an answer that says no.
type statusError int

func (e statusError) Error() string { return fmt.Sprintf("status %d", int(e)) }

// errPassedOn is an answer of a server that passes prompts on.
var errPassedOn = errors.New("the server passes prompts on")

// saysAbsent reports whether a server said, in whatever way, that it has no such
// page. One that is overloaded or does not take the key may have it.
func saysAbsent(err error) bool {
	var status statusError
	if errors.As(err, &status) {
		return status < 500 && status != http.StatusTooManyRequests && status != http.StatusUnauthorized && status != http.StatusForbidden || status == http.StatusNotImplemented
	}
	var notAPI *httpx.NotAPIError
	var redirect *httpx.RedirectError
	var inBand *httpx.InBandError
	var syntax *json.SyntaxError
	var shape *json.UnmarshalTypeError
	return errors.As(err, &notAPI) || errors.As(err, &redirect) || errors.As(err, &inBand) || errors.As(err, &syntax) || errors.As(err, &shape)
}

// images reports whether a picture is sent, which has tokens of its own.
func images(req *provider.Request) bool {
	for i := range req.Messages {
		if len(req.Messages[i].Images) > 0 {
			return true
		}
	}
	return false
}

// post sends a JSON object and reads one.
func (p *Provider) post(ctx context.Context, address string, privacy provider.Privacy, members []byte, in, out any) error {
	data, err := json.Marshal(in)
	if err != nil {
		return err
	}
	return p.fetch(ctx, http.MethodPost, address, privacy, members, data, out)
}

// fetch sends a request, whose body is a JSON object or nil, and reads a JSON object.
func (p *Provider) fetch(ctx context.Context, method, address string, privacy provider.Privacy, members, data []byte, out any) error {
	call := p.call(httpx.Whole, nil, privacy)
	call.Prepend = members
	r, err := http.NewRequestWithContext(httpx.WithCall(ctx, call), method, address, bytes.NewReader(data))
	if err != nil {
		return err
	}
	if data != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if p.bearer != "" {
		r.Header.Set("Authorization", "Bearer "+p.bearer)
	}
	resp, err := p.transport.Client().Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if kind, _ := p.mustStayLocal(privacy); kind != "" && p.gateway(call, &gatewayHints{}).remote {
		return errPassedOn
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode >= 300 {
		return statusError(resp.StatusCode)
	}
	return json.Unmarshal(body, out)
}
