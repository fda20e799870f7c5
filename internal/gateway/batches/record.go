package batches

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"time"

	"github.com/tandem-llm/tandem/internal/batch"
	"github.com/tandem-llm/tandem/internal/requests"
	"github.com/tandem-llm/tandem/provider"
)

// record is what is kept with a batch's queue besides. Times are seconds since 1970; 0:
// it has not come to that.
type record struct {
	Caller   string              `json:"caller,omitempty"`  // the name of the key that it belongs to
	Headers  map[string][]string `json:"headers,omitempty"` // that forbid something
	Endpoint string              `json:"endpoint"`
	File     string              `json:"input_file"`
	Window   string              `json:"window"`
	Metadata map[string]string   `json:"metadata,omitempty"`
	Models   []string            `json:"models,omitempty"`
	Mistakes []mistake           `json:"mistakes,omitempty"`
	End      string              `json:"end,omitempty"` // what its rows have ended with
	Output   string              `json:"output_file,omitempty"`
	Errors   string              `json:"error_file,omitempty"`
	KeepFor  int64               `json:"keep_output,omitempty"` // seconds

	Expires    int64 `json:"expires_at"`
	InProgress int64 `json:"in_progress_at,omitempty"`
	Cancelling int64 `json:"cancelling_at,omitempty"`
	Finalizing int64 `json:"finalizing_at,omitempty"`
	Completed  int64 `json:"completed_at,omitempty"`
	Failed     int64 `json:"failed_at,omitempty"`
	Expired    int64 `json:"expired_at,omitempty"`
	Cancelled  int64 `json:"cancelled_at,omitempty"`
}

// What a batch's rows end with.
const (
	endCompleted = "completed"
	endCancelled = "cancelled"
	endExpired   = "expired"
	endStopping  = "stopping" // the process ends, and the next one goes on
)

// mistake is what is wrong with a line of the input.
type mistake struct {
	Code    string  `json:"code"`
	Line    *int    `json:"line"`
	Message string  `json:"message"`
	Param   *string `json:"param"`
}

// line is the line that is wrong; 0: it is none.
func (m *mistake) line() int {
	if m.Line == nil {
		return 0
	}
	return *m.Line
}

// text is the mistake for a reader.
func (m *mistake) text() string {
	if m.Line == nil {
		return m.Message
	}
	return fmt.Sprintf("line %d: %s", *m.Line, m.Message)
}

// ended is when the batch has come to its end; 0: it has not.
func (r *record) ended() int64 { return cmp.Or(r.Completed, r.Failed, r.Expired, r.Cancelled) }

// recordOf reads the record that a batch has.
func recordOf(spec *batch.Spec) (r record, err error) { return r, json.Unmarshal(spec.Extra, &r) }

// put writes the record into a batch's description.
func (r *record) put(ctx context.Context, f *batch.File) error {
	spec, err := r.in(f.Spec())
	if err != nil {
		return err
	}
	return f.SetSpec(ctx, spec)
}

// ready is put, and says that the batch's rows are complete.
func (r *record) ready(ctx context.Context, f *batch.File) error {
	spec, err := r.in(f.Spec())
	if err != nil {
		return err
	}
	return f.Ready(ctx, spec)
}

// in is a batch's description with the record in it.
func (r *record) in(spec batch.Spec) (batch.Spec, error) {
	switch {
	case r.Failed > 0:
		spec.Ended = batch.StateFailed
	case r.Expired > 0:
		spec.Ended = batch.StateExpired
	case r.Cancelled > 0:
		spec.Ended = batch.Cancelled
	}
	spec.Mistakes = nil
	for i := range r.Mistakes {
		spec.Mistakes = append(spec.Mistakes, r.Mistakes[i].text())
	}
	var err error
	spec.Extra, err = json.Marshal(r)
	return spec, err
}

// known is a batch as it is now.
type known struct {
	record
	batch.Status
}

// open reports whether something is left to do for it.
func (k *known) open() bool { return k.ended() == 0 || !k.Over }

// look reads a batch of the gateway's; fs.ErrNotExist: it is none.
func (s *Service) look(ctx context.Context, id string) (*known, error) {
	v, err := batch.Look(s.cfg.Dir, id)
	if err != nil {
		return nil, err
	}
	defer v.Close()
	spec, err := v.Spec(ctx)
	if err == nil && (spec.Owner != batch.OwnerServe || spec.Kind != requests.Kind) {
		err = fs.ErrNotExist
	}
	if err != nil {
		return nil, err
	}
	k := &known{}
	if k.Status, err = v.Status(ctx); err != nil {
		return nil, err
	}
	k.record, err = recordOf(&k.Spec)
	return k, err
}

// object is a batch as OpenAI tells it.
type object struct {
	ID         string            `json:"id"`
	Object     string            `json:"object"`
	Endpoint   string            `json:"endpoint"`
	Model      *string           `json:"model"`
	Errors     *mistakeList      `json:"errors"`
	InputFile  string            `json:"input_file_id"`
	Window     string            `json:"completion_window"`
	Status     string            `json:"status"`
	Output     *string           `json:"output_file_id"`
	ErrorFile  *string           `json:"error_file_id"`
	Created    int64             `json:"created_at"`
	InProgress *int64            `json:"in_progress_at"`
	Expires    *int64            `json:"expires_at"`
	Finalizing *int64            `json:"finalizing_at"`
	Completed  *int64            `json:"completed_at"`
	Failed     *int64            `json:"failed_at"`
	Expired    *int64            `json:"expired_at"`
	Cancelling *int64            `json:"cancelling_at"`
	Cancelled  *int64            `json:"cancelled_at"`
	Counts     counts            `json:"request_counts"`
	Usage      usage             `json:"usage"`
	Metadata   map[string]string `json:"metadata"`
	Tandem     tandem            `json:"tandem"`
}

type mistakeList struct {
	Object string    `json:"object"`
	Data   []mistake `json:"data"`
}

type counts struct {
	Total     int `json:"total"`
	Completed int `json:"completed"`
	Failed    int `json:"failed"`
}

type usage struct {
	Input   int64            `json:"input_tokens"`
	InputD  map[string]int64 `json:"input_tokens_details"`
	Output  int64            `json:"output_tokens"`
	OutputD map[string]int64 `json:"output_tokens_details"`
	Total   int64            `json:"total_tokens"`
}

// tandem is what OpenAI does not tell.
type tandem struct {
	Answered map[string]int `json:"answered_by"` // rows, by provider
	Fallback int            `json:"fallback"`    // rows that another than the first answered
	Failures map[string]int `json:"failures"`    // rows, by the kind of error
	USD      float64        `json:"cost_usd"`
	Unpriced int            `json:"unpriced"` // calls whose cost is not known
	Saved    float64        `json:"saved_usd"`
	Repeated int            `json:"repeated"`          // calls that were under way when a process ended
	Waits    int            `json:"interactive_waits"` // how often, and how long in all, interactive calls went first
	Waited   time.Duration  `json:"interactive_wait_ns"`
	Waiting  string         `json:"waiting,omitempty"`
}

// status is OpenAI's word for where a batch is.
func (k *known) status() string {
	switch {
	case k.Completed > 0:
		return "completed"
	case k.record.Failed > 0:
		return "failed"
	case k.Expired > 0:
		return "expired"
	case k.record.Cancelled > 0:
		return "cancelled"
	case k.Status.State == batch.Cancelled || k.Cancelling > 0:
		return "cancelling"
	case k.Finalizing > 0:
		return "finalizing"
	case k.Status.State == batch.Reading:
		return "validating"
	}
	return "in_progress"
}

// failed is how many rows have failed for good. Until the last one has ended, those that
// failed for a reason that may pass are asked again.
func (k *known) failed() int {
	n := k.Status.Failed
	if k.ended() == 0 && k.Finalizing == 0 {
		for _, kind := range append(passing(), string(provider.Unavailable)) {
			n -= k.Failures[kind]
		}
	}
	return n
}

// tell is the batch as a client reads it.
func (s *Service) tell(id string, k *known) object {
	o := object{
		ID: batchPrefix + id, Object: "batch", Endpoint: k.Endpoint, InputFile: k.File, Window: k.Window, Status: k.status(),
		Created: k.Status.Created.Unix(), InProgress: orNull(k.InProgress), Expires: orNull(k.Expires), Finalizing: orNull(k.Finalizing), Completed: orNull(k.Completed),
		Failed: orNull(k.record.Failed), Expired: orNull(k.Expired), Cancelling: orNull(k.Cancelling), Cancelled: orNull(k.record.Cancelled),
		Counts: counts{Total: k.Total, Completed: k.Done, Failed: k.failed()},
		Usage: usage{
			Input: k.Status.Input, InputD: map[string]int64{"cached_tokens": 0}, Output: k.Status.Output, OutputD: map[string]int64{"reasoning_tokens": 0}, Total: k.Status.Input + k.Status.Output,
		},
		Metadata: k.Metadata,
		Tandem: tandem{
			Answered: notNil(k.Answered), Fallback: k.Fallback, Failures: notNil(k.Failures), USD: k.USD, Unpriced: k.Unpriced, Saved: k.Saved, Repeated: k.Repeated, Waits: k.Waits, Waited: k.Waited,
		},
	}
	if len(k.Models) == 1 {
		o.Model = &k.Models[0]
	}
	if len(k.Mistakes) > 0 {
		o.Errors = &mistakeList{"list", k.Mistakes}
	}
	if k.ended() > 0 {
		o.Output, o.ErrorFile = orNull(k.record.Output), orNull(k.record.Errors)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if j := s.live[id]; j != nil && k.ended() == 0 {
		if o.Tandem.Waiting = j.waiting; j.waiting == "" && j.meter.Waits().Now {
			o.Tandem.Waiting = forInteractive
		}
		if o.Status == "cancelling" && o.Cancelling == nil && j.cancelling > 0 {
			o.Cancelling = &j.cancelling
		}
	}
	return o
}

func orNull[T comparable](v T) *T {
	var none T
	if v == none {
		return nil
	}
	return &v
}

func notNil(m map[string]int) map[string]int {
	if m == nil {
		return map[string]int{}
	}
	return maps.Clone(m)
}
