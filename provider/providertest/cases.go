package providertest

import (
	"bytes"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/tandem-llm/tandem/provider"
)

// lie is one way in which an upstream fails while its client may believe that
// it has succeeded. Whatever the provider makes of it, it must be an error.
type lie struct {
	name string
	only *Dialect // nil: both
	// streamed: only where a stream was asked; a whole answer may be so.
	streamed bool
	play     func(s speech, w *serverAnswer)
	// partial: the text that came before is to be yielded.
	partial string
	// kinds are the Kinds that are right where a stream was asked, whole those
	// where a whole answer was; empty: any.
	kinds, whole []provider.Kind
}

var openAI, ollama = OpenAI, Ollama

var (
	cutKinds   = []provider.Kind{provider.Truncated}
	wrongKinds = []provider.Kind{provider.BadAnswer}
	noAnswer   = []provider.Kind{provider.Unavailable, provider.Truncated, provider.BadAnswer}
)

// lies are all of them, as measured on real servers.
func lies() []lie {
	return slices.Concat(streamLies(), mixedLies(), inBandLies(), bodyLies(), partialLies())
}

func streamLies() []lie {
	return []lie{
		{name: "cut by a reset", partial: "Hello wor", kinds: cutKinds, play: func(s speech, w *serverAnswer) {
			s.head(w)
			w.send(s.textEvent("Hello ") + s.textEvent("wor"))
			w.reset()
		}},
		{name: "cut without the last chunk", partial: "Hello wor", kinds: cutKinds, play: func(s speech, w *serverAnswer) {
			s.head(w)
			w.send(s.textEvent("Hello ") + s.textEvent("wor"))
			w.cut()
		}},
		{name: "clean end without a finish", partial: "Hello wor", kinds: cutKinds, play: func(s speech, w *serverAnswer) {
			s.head(w)
			w.send(s.textEvent("Hello ") + s.textEvent("wor"))
		}},
		{name: "DONE without a finish or a word", only: &openAI, kinds: noAnswer, play: func(s speech, w *serverAnswer) {
			s.head(w)
			w.send(s.textEvent("") + s.done())
		}},
		{name: "partial last line", partial: "Hello", kinds: cutKinds, play: func(s speech, w *serverAnswer) {
			s.head(w)
			end := s.finish("stop")
			w.send(s.textEvent("Hello") + end[:len(end)/2])
		}},
		{name: "only a role", only: &openAI, kinds: noAnswer, play: func(s speech, w *serverAnswer) {
			s.head(w)
			w.send(s.event(`{"id":"1","model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}`))
		}},
		{name: "reset before anything", kinds: noAnswer, play: func(_ speech, w *serverAnswer) { w.reset() }},
		{name: "unknown finish", partial: "Hello", kinds: cutKinds, play: func(s speech, w *serverAnswer) {
			s.head(w)
			w.send(s.textEvent("Hello") + s.finish("gremlins") + s.done())
		}},
		{name: "content filter", only: &openAI, partial: "Hello", kinds: []provider.Kind{provider.Filtered}, play: func(s speech, w *serverAnswer) {
			s.head(w)
			w.send(s.textEvent("Hello") + s.finish("content_filter") + s.done())
		}},
		{name: "a line of 9 MB", streamed: true, kinds: noAnswer, play: func(s speech, w *serverAnswer) {
			s.head(w)
			w.send(s.textEvent(strings.Repeat("x", 9<<20)) + s.finish("stop") + s.done())
		}},
		{name: "a line without an end", kinds: noAnswer, play: func(s speech, w *serverAnswer) {
			s.head(w)
			flood(w, s.textEvent("x")[:40])
		}},
		{name: "tool call with garbage", only: &openAI, kinds: wrongKinds, play: func(s speech, w *serverAnswer) {
			s.head(w)
			w.send(s.event(`{"id":"1","model":"m","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"c","type":"function","function":{"name":"f","arguments":"{\"a\":"}}]},"finish_reason":null}]}`) +
				s.finish("tool_calls") + s.done())
		}},
		{name: "tool calls without a call", only: &openAI, partial: "Hello", kinds: wrongKinds, play: func(s speech, w *serverAnswer) {
			s.head(w)
			w.send(s.textEvent("Hello") + s.finish("tool_calls") + s.done())
		}},
		{name: "1 GiB of tool call, in pieces", only: &openAI, kinds: noAnswer, play: func(s speech, w *serverAnswer) {
			s.head(w)
			piece := s.event(`{"id":"1","model":"m","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"c","type":"function","function":{"name":"f","arguments":"` +
				strings.Repeat("x", 1<<20) + `"}}]},"finish_reason":null}]}`)
			for range 1 << 10 {
				if !w.send(piece) {
					return
				}
			}
		}},
		{name: "an error after the finish", partial: "Hello", play: func(s speech, w *serverAnswer) {
			s.head(w)
			w.send(s.textEvent("Hello") + s.finish("stop") + s.event(`{"error":"boom"}`))
		}},
		{name: "an event that is not JSON", partial: "Hello", kinds: noAnswer, play: func(s speech, w *serverAnswer) {
			s.head(w)
			w.send(s.textEvent("Hello") + s.event("gremlins") + s.finish("stop") + s.done())
		}},
	}
}

// flood writes until the client hangs up, 1 GiB at the most.
func flood(w *serverAnswer, start string) {
	w.send(start)
	block := bytes.Repeat([]byte("x"), 1<<20)
	for range 1 << 10 {
		if _, err := w.Write(block); err != nil {
			return
		}
	}
}

func inBandLies() []lie {
	say := func(name string, only *Dialect, line string) lie {
		return lie{name: name, only: only, partial: "Hello", play: func(s speech, w *serverAnswer) {
			s.head(w)
			w.send(s.textEvent("Hello") + line)
		}}
	}
	return []lie{
		say(`error in band: data: {"error":`, &openAI, `data: {"error":{"message":"boom","type":"server_error","code":500}}`+"\n\n"),
		say(`error in band: data: { "error"`, &openAI, `data: { "error" : {"message":"boom","type":"server_error"}}`+"\n\n"),
		say(`error in band: {"id":…,"error":…}`, &openAI, `data: {"id":"1","error":{"message":"boom","code":502},"choices":[]}`+"\n\n"),
		say(`error in band: event: error`, &openAI, "event: error\ndata: {\"message\":\"boom\"}\n\n"),
		say(`error in band, then DONE`, &openAI, `data: {"error":{"message":"boom"}}`+"\n\ndata: [DONE]\n\n"),
		say("error in band: an object that is none of the API's", &openAI, `data: {"object":7,"error":{"message":"boom"},"choices":[]}`+"\n\n"),
		say("error in band, within the choice", &openAI, `data: {"choices":[{"index":0,"delta":{"content":""},"finish_reason":"stop","error":{"message":"boom","code":502}}]}`+"\n\ndata: [DONE]\n\n"),
		say("error in band", &ollama, `{"error":"an error was encountered while running the model: unexpected EOF"}`+"\n"),
		{name: "error in band, first", play: func(s speech, w *serverAnswer) {
			s.head(w)
			w.send(s.event(`{"error":"boom"}`))
		}},
		{name: "error in band, where the whole was asked", play: func(_ speech, w *serverAnswer) {
			w.Header().Set("Content-Type", "application/json")
			w.send(`{"error":{"message":"boom","type":"server_error"}}`)
		}},
		{name: "error in the choice, where the whole was asked", only: &openAI, play: func(_ speech, w *serverAnswer) {
			w.Header().Set("Content-Type", "application/json")
			w.send(`{"choices":[{"index":0,"message":{"role":"assistant","content":"Hel"},"finish_reason":"stop","error":{"message":"boom","code":502}}]}`)
		}},
	}
}

func bodyLies() []lie {
	status := func(name string, code int, kind, body string, kinds ...provider.Kind) lie {
		return lie{name: name, kinds: kinds, play: func(_ speech, w *serverAnswer) {
			if kind != "" {
				w.Header().Set("Content-Type", kind)
			}
			w.WriteHeader(code)
			w.send(body)
		}}
	}
	return []lie{
		status("empty 200", http.StatusOK, "", "", noAnswer...),
		status("empty 200, as a stream", http.StatusOK, "text/event-stream", "", noAnswer...),
		status("empty 500", http.StatusInternalServerError, "", "", provider.Unavailable),
		status("empty 503", http.StatusServiceUnavailable, "", "", provider.Unavailable),
		status("HTML 502", http.StatusBadGateway, "text/html", "<html><h1>Bad Gateway</h1></html>", provider.Unavailable),
		status("HTML 200", http.StatusOK, "text/html", "<html><h1>Please log in</h1></html>", provider.Unavailable),
		status("JSON null", http.StatusOK, "application/json", "null", noAnswer...),
		status("JSON without an answer", http.StatusOK, "application/json", `{"choices":[]}`, noAnswer...),
		{name: "half a document", kinds: noAnswer, whole: noAnswer, play: func(s speech, w *serverAnswer) {
			w.Header().Set("Content-Type", "application/json")
			all := s.whole("Hello", "stop")
			w.send(all[:len(all)/2])
		}},
		{name: "half a document, cut", kinds: noAnswer, whole: noAnswer, play: func(s speech, w *serverAnswer) {
			w.Header().Set("Content-Type", "application/json")
			all := s.whole("Hello", "stop")
			w.Header().Set("Content-Length", strconv.Itoa(len(all)))
			w.send(all[:len(all)/2])
			w.cut()
		}},
		{name: "a document without a finish", kinds: noAnswer, whole: cutKinds, play: func(s speech, w *serverAnswer) {
			w.Header().Set("Content-Type", "application/json")
			w.send(strings.NewReplacer(`"finish_reason":"stop"`, `"finish_reason":null`, `"done":true`, `"done":false`).Replace(s.whole("Hello", "stop")))
		}},
		{name: "1 GiB", kinds: noAnswer, play: func(_ speech, w *serverAnswer) {
			w.Header().Set("Content-Type", "application/json")
			flood(w, `{"choices":[{"message":{"content":"`)
		}},
		{name: "1 GiB of a failure", kinds: []provider.Kind{provider.Unavailable}, play: func(_ speech, w *serverAnswer) {
			w.WriteHeader(http.StatusInternalServerError)
			flood(w, "x")
		}},
		{name: "a redirect to itself", kinds: []provider.Kind{provider.Unavailable}, play: func(_ speech, w *serverAnswer) {
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(http.StatusTemporaryRedirect)
		}},
	}
}
