package exchange

import (
	"context"
	"encoding/hex"
	"regexp"
	"strconv"
	"strings"

	"github.com/tandem-llm/tandem/internal/store"
)

// begun returns ctx for what is asked for c: the log, the budget and traces have it under
// the id that the reply tells.
func begun(ctx context.Context, c *Call) context.Context {
	run := store.Run{ID: c.ID, Began: c.Began, Command: "serve"}
	if name, ok := strings.CutPrefix(c.Asked, ChainPrefix); ok {
		run.Chain = strings.TrimSuffix(name, ":latest")
	}
	return store.WithRun(ctx, run)
}

// UUID is a call's id in the form of a UUID, which some clients insist on.
func UUID(id string) string {
	var b [16]byte
	copy(b[:], id)
	h := hex.EncodeToString(b[:])
	return strings.Join([]string{h[:8], h[8:12], h[12:16], h[16:20], h[20:]}, "-")
}

// inReply is a call's id as the dialects write it: with a prefix, as in chatcmpl-ID and
// msg_ID, or as batch_req_ID, and, of a row of a batch or a part of an answer, a number.
var inReply = regexp.MustCompile(`^(?:[a-z]+(?:_req)?[-_])?([0-9a-z]{14})(?:_([0-9]+))?$`)

// CallID is the id of the call that a reply tells of, in whatever form the reply has it.
// Any other text stays as it is.
func CallID(text string) string {
	id, _ := CallPart(text)
	return id
}

// CallPart is [CallID] and the number behind it: which row of a batch the reply answers,
// or which part of an answer it is. 0: there is none.
func CallPart(text string) (id string, part int) {
	if m := inReply.FindStringSubmatch(text); m != nil {
		part, _ = strconv.Atoi(m[2]) // it is empty, or too large for any row
		return m[1], part
	}
	if data, err := hex.DecodeString(strings.ReplaceAll(text, "-", "")); err == nil && len(text) == len("00000000-0000-0000-0000-000000000000") {
		if id := strings.TrimRight(string(data), "\x00"); UUID(id) == strings.ToLower(text) && store.LooksLikeID(id) {
			return id, 0
		}
	}
	return text, 0
}
