package api

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
)

// MediaEvents is the media type of server-sent events.
const MediaEvents = "text/event-stream"

// WriteEvent writes one server-sent event with an id that a reader may send
// back as Last-Event-ID.
func WriteEvent(w io.Writer, id int64, kind string, data any) error {
	raw, err := json.Marshal(data)
	if err != nil {
		return fmt.Errorf("encode event: %w", err)
	}
	_, err = fmt.Fprintf(w, "id: %d\nevent: %s\ndata: %s\n\n", id, kind, raw)
	return err
}

// ReadEvents calls f with the data of every server-sent event of r until the
// stream ends or f fails.
func ReadEvents(r io.Reader, f func(data []byte) error) error {
	sc := bufio.NewScanner(r)
	sc.Buffer(make([]byte, 0, 64<<10), 8<<20)
	var data []byte
	for sc.Scan() {
		line := sc.Bytes()
		switch {
		case len(line) == 0:
			if data != nil {
				if err := f(data); err != nil {
					return err
				}
				data = nil
			}
		case bytes.HasPrefix(line, []byte("data:")):
			if data != nil {
				data = append(data, '\n')
			}
			data = append(data, bytes.TrimPrefix(line[len("data:"):], []byte(" "))...)
		}
	}
	if err := sc.Err(); err != nil {
		return fmt.Errorf("read event stream: %w", err)
	}
	return nil
}

func stream[T any](ctx context.Context, c *Client, path string, f func(T) error) error {
	res, err := c.open(ctx, http.MethodGet, path, nil, MediaEvents)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	return ReadEvents(res.Body, func(data []byte) error {
		var v T
		if err := json.Unmarshal(data, &v); err != nil {
			return fmt.Errorf("read event: %w", err)
		}
		return f(v)
	})
}
