package testbatch

// Manner is how a server behaves. The zero value does what OpenAI's documentation says.
type Manner struct {
	None       bool  // it has no Batch API: 404
	Limited    int   // first, so many calls are refused with 429
	Polls      []int // the statuses of the first polls; 0: it is in progress
	Unready    int   // of a completed batch, so many polls name no files
	NoFile     int   // first, so many downloads are 404
	Gone       bool  // no file of answers is there any more
	Keeps      bool  // no file may be deleted
	Cut        int   // first, so many downloads are cut off, and say how long they are
	CutQuietly int   // as Cut, and do not say
	Short      int   // first, so many downloads end before the last line
	Shuffled   bool  // the answers are in another order
	Twice      bool  // each line comes twice, and one is of no row
	Missing    int   // so many rows have no line
	Expired    int   // the batch expires with so many rows left
	Refused    []Problem
	RefuseRow  string // a batch with a row that has this text is refused, with its line
	TokenLimit int    // a batch of more rows is refused for its tokens; 0: none is
	LoseUpload int    // so many uploads are accepted, and the connection breaks
	LoseCreate int    // as LoseUpload, of batches
	Garbled    int    // so many batches are accepted with an answer that is no JSON
	Nameless   bool   // it forgets metadata
}

// Problem is why a batch is refused.
type Problem struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Line    *int   `json:"line"`
}
