package transfer

import (
	"context"
	"sync"

	"github.com/sheafdata/sheaf/internal/memory"
	"github.com/sheafdata/sheaf/internal/plan"
	"github.com/sheafdata/sheaf/shuffle/store"
)

const (
	// firstGroup and laterGroup are how many outputs are fetched together: the
	// first group is what a reader waits for.
	firstGroup = 8
	laterGroup = maxPieces
	// tailBytes is what holds footer and index of most outputs; it is what
	// store.ReadIndex reads first.
	tailBytes = store.TailBytes
	// groupShare is the part of what may be in flight that a group takes: there
	// are two, and windows.
	groupShare = 4
	// answerBytes is the size of an answer at which to aim.
	answerBytes = 2 << 20
)

// Ahead says that outs will be opened in this order and that of each, after its
// index, part's range will be read. It returns how to open them, and a stop that
// must be called when the last is closed. Small parts of outputs of one executor
// are fetched together, before they are opened; larger ones as Open does.
func (c *Client) Ahead(ctx context.Context, outs []plan.MapOutput, part func(store.Index) (from, end int64)) (open func(context.Context, plan.MapOutput) (store.Output, error), stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	a := &ahead{client: c, ctx: ctx, part: part, at: make(map[plan.OutputID]*entry)}
	for size := firstGroup; len(outs) > 0; size = laterGroup {
		g := &group{ready: make(chan struct{})}
		n := min(size, len(outs))
		for _, out := range outs[:n] {
			if a.at[out.ID] == nil { // a second opening of an output is one by Open
				e := &entry{out: out, group: len(a.groups)}
				g.entries = append(g.entries, e)
				a.at[out.ID] = e
			}
		}
		outs = outs[n:]
		a.groups = append(a.groups, g)
	}
	a.mu.Lock()
	a.start(0)
	a.mu.Unlock()
	return a.open, func() {
		cancel()
		a.stop()
	}
}

// ahead fetches one group of outputs while the one before is in use.
type ahead struct {
	client *Client
	ctx    context.Context // of Ahead: until stop
	part   func(store.Index) (from, end int64)

	mu      sync.Mutex // guards what follows
	at      map[plan.OutputID]*entry
	groups  []*group
	started int
	stopped bool
	running sync.WaitGroup
}

// group is fetched together.
type group struct {
	entries []*entry
	ready   chan struct{} // closed when nothing more will come
}

// entry is one output: what was fetched of it. It belongs to its group's
// goroutine until the group is ready, then to who opened it.
type entry struct {
	out   plan.MapOutput
	group int

	held  *memory.Reservation // nil until something is fetched
	index *store.Index        // nil unless it was fetched and is intact
	part  []byte
	from  int64 // of part
}

func (e *entry) free() {
	if e.held != nil {
		e.held.Release()
	}
	e.index, e.part = nil, nil
}

// start begins to fetch the groups up to number n. The caller holds mu.
func (a *ahead) start(n int) {
	for ; a.started <= n && a.started < len(a.groups) && !a.stopped; a.started++ {
		g := a.groups[a.started]
		a.running.Go(func() {
			defer close(g.ready)
			a.fetch(g)
		})
	}
}

// open opens an output with what has been fetched of it.
func (a *ahead) open(ctx context.Context, out plan.MapOutput) (store.Output, error) {
	a.mu.Lock()
	e := a.at[out.ID]
	delete(a.at, out.ID)
	if e == nil || a.stopped {
		a.mu.Unlock()
		return a.client.Open(ctx, out)
	}
	a.start(e.group + 1)
	a.mu.Unlock()
	select {
	case <-a.groups[e.group].ready:
	case <-ctx.Done():
		// Nobody else will free what is still coming.
		a.mu.Lock()
		a.at[out.ID] = e
		a.mu.Unlock()
		return nil, ctx.Err()
	}
	rest, err := a.client.Open(ctx, out)
	if err != nil {
		e.free()
		return nil, err
	}
	if e.index == nil {
		e.free()
		return rest, nil
	}
	return &fetched{rest, e}, nil
}

// stop waits for the groups under way and frees what was never opened.
func (a *ahead) stop() {
	a.mu.Lock()
	a.stopped = true
	a.mu.Unlock()
	a.running.Wait()
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, e := range a.at {
		e.free()
	}
}

// fetch fetches a group, of its executors at the same time.
func (a *ahead) fetch(g *group) {
	type source struct {
		executor plan.ExecutorID
		job      plan.JobID
	}
	sources := make(map[source][]*entry)
	for _, e := range g.entries {
		if a.client.isLocal(e.out) || !isDigest(e.out.Digest) || e.out.Bytes <= 0 {
			continue
		}
		s := source{e.out.Executor, e.out.ID.Attempt.Job}
		sources[s] = append(sources[s], e)
	}
	limit := a.client.flight.Limit() / groupShare
	r := &room{left: limit}
	var wg sync.WaitGroup
	for s, entries := range sources {
		wg.Go(func() {
			// Half of the room is for parts: an index alone is of little use.
			tails := a.tails(entries, r, limit/2)
			a.client.fetchAll(a.ctx, s.executor, s.job, tails)
			parts := a.parts(tails, r)
			a.client.fetchAll(a.ctx, s.executor, s.job, parts)
			for _, w := range parts {
				if w.got {
					w.entry.part, w.entry.from = w.into, w.from
				}
			}
		})
	}
	wg.Wait()
}

// fetchAll fetches pieces by as many requests as it takes, and stops at the
// first that fails.
func (c *Client) fetchAll(ctx context.Context, executor plan.ExecutorID, job plan.JobID, list []*wanted) {
	for len(list) > 0 {
		n := answer(list)
		if c.fetchPieces(ctx, executor, job, list[:n]) != nil {
			return
		}
		list = list[n:]
	}
}

// answer is how many of list come with one answer.
func answer(list []*wanted) int {
	n, bytes := 0, 0
	for n < min(len(list), maxPieces) && (n == 0 || bytes+list[n].bytes() <= answerBytes) {
		bytes += list[n].bytes()
		n++
	}
	return n
}

// tails returns the pieces with the indexes of outputs, as far as there is room
// beside spare bytes.
func (a *ahead) tails(entries []*entry, r *room, spare int64) []*wanted {
	var list []*wanted
	for _, e := range entries {
		e.held = a.client.flight.Reserve("ahead")
		if w := r.want(e, max(0, e.out.Bytes-tailBytes), e.out.Bytes, spare); w != nil {
			list = append(list, w)
		}
	}
	return list
}

// parts reads the indexes that have come and returns the pieces with the parts
// that the reader will want. One that came with its index is there already.
func (a *ahead) parts(tails []*wanted, r *room) []*wanted {
	var list []*wanted
	for _, t := range tails {
		if !t.got {
			continue
		}
		e := t.entry
		index, err := store.ReadIndex(tail{t.piece, t.into}, e.out.Digest)
		if err != nil {
			continue // its index is large, or damaged, which the reader will find
		}
		e.index = &index
		from, end := a.part(index)
		switch {
		case from >= end:
		case from >= t.from && end <= t.end:
			e.part, e.from = t.into[from-t.from:end-t.from], from
		case end-from <= maxPieceBytes:
			if w := r.want(e, from, end, 0); w != nil {
				list = append(list, w)
			}
		}
	}
	return list
}

// tail is an output of which only the end is there.
type tail struct {
	piece
	bytes []byte
}

// ReadAt reads as io.ReaderAt demands, within the tail.
func (t tail) ReadAt(p []byte, at int64) (int, error) {
	if at < t.from || at > t.end {
		return 0, errBeyond
	}
	return copy(p, t.bytes[at-t.from:]), nil
}

// Size returns the length of the whole output.
func (t tail) Size() int64 { return t.end }

// Close does nothing.
func (t tail) Close() error { return nil }

// room is what a group may still take.
type room struct {
	mu   sync.Mutex // guards left
	left int64
}

// want returns the piece [from, end) of an output with memory for it, or nil if
// there is no room beside spare bytes.
func (r *room) want(e *entry, from, end, spare int64) *wanted {
	r.mu.Lock()
	defer r.mu.Unlock()
	if end-from > r.left-spare || !e.held.Grow(end-from) {
		return nil
	}
	r.left -= end - from
	return &wanted{piece: piece{e.out.ID, e.out.Digest, from, end}, entry: e, into: make([]byte, end-from)}
}

// fetched is an output of which a part has been fetched.
type fetched struct {
	store.Output // the rest
	entry        *entry
}

// CheckedIndex is what store.ReadIndex asks for.
func (f *fetched) CheckedIndex(digest string) (store.Index, bool) {
	return *f.entry.index, digest == f.entry.out.Digest
}

// ReadAt reads as io.ReaderAt demands.
func (f *fetched) ReadAt(p []byte, at int64) (int, error) {
	e := f.entry
	if at < e.from || at >= e.from+int64(len(e.part)) {
		return f.Output.ReadAt(p, at)
	}
	n := copy(p, e.part[at-e.from:])
	if n == len(p) {
		return n, nil
	}
	more, err := f.Output.ReadAt(p[n:], at+int64(n))
	return n + more, err
}

// Expect reads ahead what has not been fetched.
func (f *fetched) Expect(from, end int64) {
	e := f.entry
	if from >= e.from && end <= e.from+int64(len(e.part)) {
		return
	}
	if rest, ok := f.Output.(interface{ Expect(from, end int64) }); ok {
		rest.Expect(from, end)
	}
}

// Close frees what was fetched.
func (f *fetched) Close() error {
	f.entry.free()
	return f.Output.Close()
}
