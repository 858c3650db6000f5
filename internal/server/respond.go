package server

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"time"

	"kickoff/internal/wire"
)

// minGzip is the size from which compression is worth it.
const minGzip = 600

var gzips = sync.Pool{New: func() any {
	w, _ := gzip.NewWriterLevel(nil, gzip.BestSpeed) // the level is a valid constant
	return w
}}

func acceptsGzip(r *http.Request) bool {
	for part := range strings.SplitSeq(r.Header.Get("Accept-Encoding"), ",") {
		name, params, _ := strings.Cut(strings.TrimSpace(part), ";")
		if strings.EqualFold(strings.TrimSpace(name), "gzip") {
			q := strings.TrimPrefix(strings.ReplaceAll(params, " ", ""), "q=")
			v, err := strconv.ParseFloat(q, 64)
			return params == "" || err != nil || v > 0
		}
	}
	return false
}

// write sends a body, compressed if the client takes that. Errors of the connection have nobody to go to.
func write(w http.ResponseWriter, r *http.Request, status int, media string, body []byte) {
	h := w.Header()
	h.Set("Content-Type", media)
	h.Set("X-Content-Type-Options", "nosniff")
	if r.Method == http.MethodHead || len(body) < minGzip || !acceptsGzip(r) {
		h.Set("Content-Length", strconv.Itoa(len(body)))
		w.WriteHeader(status)
		_, _ = w.Write(body)
		return
	}
	h.Set("Content-Encoding", "gzip")
	h.Set("Vary", "Accept-Encoding")
	w.WriteHeader(status)
	z := gzips.Get().(*gzip.Writer)
	defer gzips.Put(z)
	z.Reset(w)
	_, _ = z.Write(body)
	_ = z.Close()
}

func writeJSON(w http.ResponseWriter, r *http.Request, status int, v any) error {
	body, err := encode(v)
	if err != nil {
		return fmt.Errorf("encode answer: %w", err)
	}
	write(w, r, status, wire.MediaJSONUTF8, body)
	return nil
}

// encode makes JSON as Puppet writes it: <, > and & as they are.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

func writeError(w http.ResponseWriter, r *http.Request, status int, message, issue string) {
	body, err := encode(wire.Error{Message: message, IssueKind: issue})
	if err != nil {
		body = []byte("{}")
	}
	write(w, r, status, wire.MediaJSONUTF8, body)
}

func writeText(w http.ResponseWriter, r *http.Request, status int, text string) error {
	media := wire.MediaText
	if status >= http.StatusBadRequest && status != http.StatusNotFound {
		media += ";charset=utf-8"
	}
	write(w, r, status, media, []byte(text))
	return nil
}

// readBody reads the whole body. Its time is bounded by the server's read timeout; once it is read, that deadline is
// taken away, because it would otherwise cut handlers that take longer.
func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, fmt.Errorf("read body: %w", err)
	}
	noDeadline(w)
	return body, nil
}

func noDeadline(w http.ResponseWriter) {
	// Not every ResponseWriter of a test has deadlines; then there is none to take away.
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{})
}

// stream sends a file.
func stream(w http.ResponseWriter, r *http.Request, f io.Reader, size int64, media string) error {
	h := w.Header()
	h.Set("Content-Type", media)
	h.Set("X-Content-Type-Options", "nosniff")
	if size >= minGzip && acceptsGzip(r) && r.Method != http.MethodHead {
		h.Set("Content-Encoding", "gzip")
		h.Set("Vary", "Accept-Encoding")
		z := gzips.Get().(*gzip.Writer)
		defer gzips.Put(z)
		z.Reset(w)
		if _, err := io.Copy(z, f); err != nil {
			panic(http.ErrAbortHandler) // a half answer must not look like a whole one
		}
		_ = z.Close()
		return nil
	}
	h.Set("Content-Length", strconv.FormatInt(size, 10))
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodHead {
		return nil
	}
	if _, err := io.CopyN(w, f, size); err != nil {
		panic(http.ErrAbortHandler)
	}
	return nil
}

var errNotAcceptable = errors.New("no supported format")

// negotiate gives the first of the offered media types that the client accepts.
func negotiate(r *http.Request, offered ...string) (string, error) {
	accept := r.Header.Get("Accept")
	if accept == "" {
		return offered[0], nil
	}
	for part := range strings.SplitSeq(accept, ",") {
		name, _, _ := strings.Cut(part, ";")
		name = strings.ToLower(strings.TrimSpace(name))
		for _, o := range offered {
			kind, _, _ := strings.Cut(o, "/")
			if name == o || name == "*/*" || name == kind+"/*" {
				return o, nil
			}
		}
	}
	return "", &problem{
		status:  http.StatusNotAcceptable,
		message: fmt.Sprintf("Not Acceptable: No supported formats are acceptable (Accept: %.200s)", accept),
		issue:   wire.IssueUnsupportedFormat, cause: errNotAcceptable,
	}
}

// contentType spells a media type as Puppet's server does on answers.
func contentType(media string) string {
	switch media {
	case wire.MediaRichJSON:
		return media + "; charset=utf-8"
	case wire.MediaJSON:
		return wire.MediaJSONUTF8
	}
	return media
}

func stack() string { return string(debug.Stack()) }
