package aptproxy

import (
	"io"
	"net/http"
	"strconv"
	"sync"
)

// download is one running fetch and all who wait for it.
type download struct {
	origin string

	mu      sync.Mutex
	changed *sync.Cond
	file    *newFile       // set by begin
	head    *http.Response // set by begin and answer
	small   []byte         // set by answer
	written int64
	readers int
	done    bool
	err     error
}

func newDownload(origin string) *download {
	d := &download{origin: origin}
	d.changed = sync.NewCond(&d.mu)
	return d
}

// begin publishes that a file is coming.
func (d *download) begin(file *newFile, head *http.Response) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.file, d.head = file, head
	d.changed.Broadcast()
}

// answer publishes an answer that is not a file.
func (d *download) answer(head *http.Response, body []byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.head, d.small = head, body
}

// Write appends to the file and wakes the readers.
func (d *download) Write(p []byte) (int, error) {
	n, err := d.file.Write(p)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.written += int64(n)
	d.changed.Broadcast()
	return n, err
}

func (d *download) size() int64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.written
}

// finish ends the download; the last reader closes the file.
func (d *download) finish(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.done, d.err = true, err
	d.changed.Broadcast()
	d.closeIfUnused()
}

func (d *download) closeIfUnused() {
	if d.done && d.readers == 0 && d.file != nil {
		_ = d.file.Close()
	}
}

// enter waits until there is something to say, or for the very end.
func (d *download) enter(whole bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.readers++
	for !d.done && (whole || d.file == nil) {
		d.changed.Wait()
	}
}

func (d *download) leave() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.readers--
	d.closeIfUnused()
}

// serve answers one machine. A plain GET receives the file as it grows; what
// needs the whole file (a range, a condition, an unknown length) waits for it.
func (d *download) serve(w http.ResponseWriter, r *http.Request, c *cache) {
	conditional := r.Method != http.MethodGet
	for _, name := range []string{"Range", "If-Modified-Since", "If-None-Match", "If-Range"} {
		conditional = conditional || r.Header.Get(name) != ""
	}
	d.enter(conditional)
	defer d.leave()
	d.mu.Lock()
	head, file, small, err, done := d.head, d.file, d.small, d.err, d.done
	d.mu.Unlock()
	switch {
	case done && err != nil && head == nil:
		http.Error(w, "local cloud: "+err.Error(), http.StatusBadGateway)
	case head != nil && file == nil:
		copyHeader(w, head)
		w.WriteHeader(head.StatusCode)
		_, _ = w.Write(small)
	case file != nil && !conditional && head.ContentLength >= 0:
		copyHeader(w, head)
		w.Header().Set("Content-Length", strconv.FormatInt(head.ContentLength, 10))
		d.stream(w)
	default:
		d.enterAgain()
		d.serveWhole(w, r, c)
	}
}

// enterAgain waits for the end.
func (d *download) enterAgain() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for !d.done {
		d.changed.Wait()
	}
}

func (d *download) serveWhole(w http.ResponseWriter, r *http.Request, c *cache) {
	file, ok := c.open(d.origin)
	if !ok {
		http.Error(w, "local cloud: the download failed", http.StatusBadGateway)
		return
	}
	defer file.Close()
	file.serve(w, r)
}

func copyHeader(w http.ResponseWriter, head *http.Response) {
	for _, name := range []string{"Content-Type", "Last-Modified", "ETag", "Location"} {
		if value := head.Header.Get(name); value != "" {
			w.Header().Set(name, value)
		}
	}
}

// stream copies the file as it grows. When the download fails the answer is
// shorter than its Content-Length, so that the server closes the connection
// and apt sees it.
func (d *download) stream(w io.Writer) {
	var at int64
	for {
		d.mu.Lock()
		for !d.done && d.written == at {
			d.changed.Wait()
		}
		to, done := d.written, d.done
		d.mu.Unlock()
		if to > at {
			n, err := io.Copy(w, io.NewSectionReader(d.file, headSize+at, to-at))
			at += n
			if err != nil {
				return
			}
			continue
		}
		if done {
			return
		}
	}
}
