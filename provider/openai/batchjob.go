package openai

import (
	"time"

	goopenai "github.com/sashabaranov/go-openai"
)

// BatchJob is one batch, as the server tells of it.
type BatchJob struct {
	ID       string
	Status   string // the server's word: one of the Batch constants, or another
	Input    string // the ID of the file of requests
	Output   string // of that with the answers; empty: there is none, or not yet
	Errors   string // of that with the requests that failed; empty: as Output
	Metadata map[string]string
	Created  time.Time // zero: not told
	Expires  time.Time // zero: not told

	Total, Completed, Failed int // requests

	Problems []BatchProblem // why it was refused
}

// BatchProblem is one reason why a batch was refused.
type BatchProblem struct {
	Code    string
	Message string
	Line    int // of the file, from 1; 0: it is about no line
}

// The states of a batch.
const (
	BatchValidating = "validating"
	BatchFailed     = "failed" // refused, see Problems
	BatchInProgress = "in_progress"
	BatchFinalizing = "finalizing"
	BatchCompleted  = "completed"
	BatchExpired    = "expired" // not done in time; what was answered is in the files
	BatchCancelling = "cancelling"
	BatchCancelled  = "cancelled"
)

// Ended reports whether nothing more comes.
func (j *BatchJob) Ended() bool {
	switch j.Status {
	case BatchFailed, BatchCompleted, BatchExpired, BatchCancelled:
		return true
	}
	return false
}

func job(r *goopenai.Batch) BatchJob {
	j := BatchJob{
		ID: r.ID, Status: r.Status, Input: r.InputFileID, Output: deref(r.OutputFileID), Errors: deref(r.ErrorFileID), Metadata: map[string]string{},
		Created: at(r.CreatedAt), Expires: at(deref(r.ExpiresAt)),
		Total: r.RequestCounts.Total, Completed: r.RequestCounts.Completed, Failed: r.RequestCounts.Failed,
	}
	for k, v := range r.Metadata {
		if text, ok := v.(string); ok {
			j.Metadata[k] = text
		}
	}
	if r.Errors != nil {
		for _, e := range r.Errors.Data {
			j.Problems = append(j.Problems, BatchProblem{Code: e.Code, Message: e.Message, Line: deref(e.Line)})
		}
	}
	return j
}

func deref[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

// at is a time in seconds; 0: none.
func at(seconds int) time.Time {
	if seconds <= 0 {
		return time.Time{}
	}
	return time.Unix(int64(seconds), 0)
}
