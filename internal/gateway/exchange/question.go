package exchange

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"sync/atomic"

	"github.com/tandem-llm/tandem/provider"
)

// Question is a request as a dialect decoded it.
type Question struct {
	Request provider.Request
	// Model is the name that the client asked for; see [Exchange.Find].
	Model  string
	Stream bool
	// Ignored are the parameters that were taken and not used.
	Ignored []string
	// Notes say what was changed about the request, a phrase each.
	Notes []string
	// Session is the conversation that the question belongs to, as the body has it;
	// empty: the headers say, or else its first message.
	Session string
	// Only are the providers that the caller's key and the headers leave; nil: all.
	Only []string
	// caller is the name of whose question it is, once it is prepared.
	caller string
	// Background is a question that nobody waits for, such as a title for a chat. It
	// comes last in a queue.
	Background bool
	// Names are the dialect's names of what a provider may refuse: the names of
	// [provider.Options], and temperature, top_p, seed, stop, tools, tool_choice,
	// reasoning_effort and response_format. One that is not there has this name.
	Names map[string]string
	// Embed, if not nil, is texts to embed: vectors are asked for, and no answer. Base64
	// says that they are told in base64.
	Embed  *provider.EmbedRequest
	Base64 bool
	// Ask, if not nil, answers instead of the model.
	Ask Source
	// stays says that a call that was made for it had to stay on this machine.
	stays atomic.Bool
	// run is that of a prepared question whose chain makes calls, see [Exchange.Prepare].
	run *Run
}

// Spent is what the calls of a prepared question's chain have come to so far, by model;
// nil: it has made none.
func (q *Question) Spent() []Spent {
	if q.run == nil {
		return nil
	}
	return q.run.Call().Spent
}

// Stays reports whether the conversation that a question ends has to stay on this
// machine: by what was asked for, by the configuration, or by a step of a chain.
func (x *Exchange) Stays(q *Question) bool {
	c := x.cfg.Stack().Config()
	return q.stays.Load() || q.Request.Privacy == provider.PrivacyLocal || c.KeepsLocal()
}

// sessionHeaders are what clients send to say which conversation a request belongs to:
// Claude Code, Codex (two), OpenCode, Open WebUI, and others.
var sessionHeaders = []string{
	"X-Claude-Code-Session-Id", "Session-Id", "Thread-Id", "X-Session-Id", "X-Openwebui-Chat-Id", "X-Conversation-Id",
}

// sessionOf is the conversation that a question belongs to: by a header, by the body,
// or else by how it begins. Only a digest of it is kept; no two callers share one.
func sessionOf(h http.Header, q *Question) string {
	own := q.caller + "\x00"
	for _, name := range sessionHeaders {
		if v := h.Get(name); v != "" {
			return digest(own + v)
		}
	}
	if q.Session != "" {
		return digest(own + q.Session)
	}
	for _, m := range q.Request.Messages {
		if m.Role == provider.RoleUser {
			return digest(own + m.Text)
		}
	}
	return digest(own)
}

// identity is the digest by which the storm guard knows a question again: of what is
// asked, because clients that ask again change what does not matter, such as the order
// of their metadata. Sent is the request before it was prepared, whose window depends on
// what is in memory. A chain may read all of the body, and the header with variables.
func identity(h http.Header, in Asked, q *Question, sent *provider.Request) string {
	asked, err := json.Marshal(struct {
		Model   string
		Stream  bool
		Use     []string
		Privacy provider.Privacy
		Request *provider.Request
	}{q.Model, q.Stream, q.Request.Use, q.Request.Privacy, sent})
	if err != nil || q.Ask != nil {
		asked = append(append(asked, in.Body...), h.Get("X-Tandem-Vars")...)
	}
	sum := sha256.Sum256(asked)
	return hex.EncodeToString(sum[:])
}

func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:8])
}
