package providertest

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// delta is an event with one choice of OpenAI's dialect.
func delta(id string, index int, delta, finish string) string {
	if finish != "" {
		finish = fmt.Sprintf(`,"finish_reason":%q`, finish)
	}
	return fmt.Sprintf(`data: {"id":%q,"model":"m","choices":[{"index":%d,"delta":{%s}%s}]}`+"\n\n", id, index, delta, finish)
}

// mixedLies are whole answers with something besides, which is not part of them:
// glued on, it would be passed for a part; left out, nobody would know.
func mixedLies() []lie {
	const call = `"tool_calls":[{"index":0,"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}]`
	stream := func(name string, only *Dialect, partial string, play func(s speech) string) lie {
		return lie{name: name, only: only, partial: partial, kinds: wrongKinds, whole: noAnswer, play: func(s speech, w *serverAnswer) {
			s.head(w)
			w.send(play(s))
		}}
	}
	return []lie{
		stream("text after the finish", nil, "Hello", func(s speech) string {
			return s.textEvent("Hello") + s.finish("stop") + s.textEvent(" again") + s.usage() + s.done()
		}),
		stream("thinking after the finish", nil, "Hello", func(s speech) string {
			return s.textEvent("Hello") + s.finish("stop") + s.thinking("Hm.") + s.done()
		}),
		stream("a tool call after the finish", nil, "Hello", func(s speech) string {
			after := delta("1", 0, call, "tool_calls")
			if s.d == Ollama {
				after = `{"model":"m","message":{"role":"assistant","content":"","tool_calls":[{"function":{"name":"f","arguments":{}}}]},"done":true,"done_reason":"stop"}` + "\n"
			}
			return s.textEvent("Hello") + s.finish("stop") + after + s.done()
		}),
		stream("two finishes", nil, "Hello", func(s speech) string {
			return s.textEvent("Hello") + s.finish("length") + s.finish("stop") + s.done()
		}),
		stream("a second answer", nil, "Hello", func(s speech) string {
			return s.textEvent("Hello") + s.finish("stop") + s.textEvent("Bye") + s.finish("stop") + s.done()
		}),
		stream("a message of the user's", nil, "Hello", func(s speech) string {
			if s.d == Ollama {
				return s.textEvent("Hello") + strings.Replace(s.textEvent(" again"), "assistant", "user", 1) + s.finish("stop")
			}
			return s.textEvent("Hello") + delta("1", 0, `"role":"user","content":" again"`, "") + s.finish("stop") + s.done()
		}),
		stream("another choice between", &openAI, "Hel", func(s speech) string {
			return s.textEvent("Hel") + delta("1", 1, `"content":"Bye"`, "") + s.textEvent("lo") + s.finish("stop") + s.done()
		}),
		stream("another choice in the same event", &openAI, "Hel", func(s speech) string {
			return s.textEvent("Hel") + s.event(`{"id":"1","model":"m","choices":[{"index":0,"delta":{"content":"lo"}},{"index":1,"delta":{"content":"Bye"}}]}`) + s.finish("stop") + s.done()
		}),
		stream("another choice alone", &openAI, "", func(s speech) string {
			return delta("1", 1, `"content":"Bye"`, "") + delta("1", 1, "", "stop") + s.done()
		}),
		stream("another choice's finish", &openAI, "Hello", func(s speech) string {
			return s.textEvent("Hello") + delta("1", 1, "", "stop") + s.done()
		}),
		stream("a choice below none", &openAI, "", func(s speech) string {
			return delta("1", -1, `"content":"Bye"`, "") + s.finish("stop") + s.done()
		}),
		stream("two answers, one after the other", &openAI, "Hello", func(s speech) string {
			return s.textEvent("Hel") + s.textEvent("lo") + delta("2", 0, `"content":"Bye"`, "") + delta("2", 0, "", "stop") + s.done()
		}),
		stream("two answers, by turns", &openAI, "HelBye", func(s speech) string {
			return s.textEvent("Hel") + delta("2", 0, `"content":"Bye"`, "") + s.textEvent("lo") + s.finish("stop") + s.done()
		}),
	}
}

// partialLies are whole documents that are a part of something, or have
// something behind them, and answers whose status or head says so.
func partialLies() []lie {
	head := func(name string, code int, header, value string) lie {
		return lie{name: name, kinds: noAnswer, whole: noAnswer, play: func(s speech, w *serverAnswer) {
			if header != "" {
				w.Header().Set(header, value)
			}
			if w.wantsStream(s.d) {
				s.head(w)
			} else {
				w.Header().Set("Content-Type", "application/json")
			}
			w.WriteHeader(code)
			if code == http.StatusNoContent {
				return
			}
			if w.wantsStream(s.d) {
				w.send(s.textEvent("Hello") + s.finish("stop") + s.usage() + s.done())
			} else {
				w.send(s.whole("Hello", "stop"))
			}
		}}
	}
	behind := func(name, more string) lie {
		return lie{name: name, kinds: noAnswer, whole: noAnswer, play: func(s speech, w *serverAnswer) {
			if w.wantsStream(s.d) {
				s.head(w)
				w.send(s.textEvent("Hello") + s.finish("stop")[:20] + more)
				return
			}
			w.Header().Set("Content-Type", "application/json")
			w.send(s.whole("Hello", "stop") + more)
		}}
	}
	other := lie{name: "another choice, whole", only: &openAI, kinds: noAnswer, whole: wrongKinds, play: func(s speech, w *serverAnswer) {
		w.Header().Set("Content-Type", "application/json")
		w.send(strings.Replace(s.whole("Hello", "stop"), `"choices":[`, `"choices":[{"index":1,"message":{"role":"assistant","content":"Bye"},"finish_reason":"stop"},`, 1))
	}}
	role := lie{name: "a message of the user's, whole", kinds: noAnswer, play: func(s speech, w *serverAnswer) {
		text := strings.Replace(s.whole("Hello", "stop"), `"assistant"`, `"user"`, 1)
		if w.wantsStream(s.d) {
			s.head(w)
			text = s.event(strings.TrimSpace(strings.Replace(text, `"message"`, `"delta"`, 1)))
			if s.d == Ollama {
				text = strings.Replace(text, `"delta"`, `"message"`, 1)
			}
		}
		w.send(text)
	}}
	all := []lie{
		other, role,
		behind("a second document", `{"model":"m","message":{"role":"assistant","content":"Bye"},"choices":[{"index":0,"message":{"content":"Bye"},"finish_reason":"stop"}],"done":true}`),
		behind("garbage behind the document", "gremlins"),
		behind("a web page behind the document", "\n<html></html>"),
		head("a part, by its Content-Range", http.StatusOK, "Content-Range", "bytes 0-99/1000"),
	}
	for _, code := range []int{202, 203, 204, 205, 206, 207, 208, 226, 299} {
		all = append(all, head("status "+strconv.Itoa(code), code, "", ""))
	}
	return all
}
