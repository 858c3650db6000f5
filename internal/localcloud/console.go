package localcloud

import (
	"fmt"
	"os"
	"sync"

	"kickoff/internal/localcloud/api"
)

// maxConsoleFile bounds a console's file; it is cut to the newest
// api.MaxConsole bytes when it grows beyond.
const maxConsoleFile = 4 * api.MaxConsole

// console keeps the newest part of what a machine prints, in memory and in a
// file that outlives the process.
type console struct {
	mu   sync.Mutex
	file *os.File
	size int64
	tail []byte
}

func openConsole(path string) (*console, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open console file: %w", err)
	}
	return &console{file: file}, nil
}

// Write never fails: a full disk must not stop a machine.
func (c *console) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tail = append(c.tail, p...)
	if over := len(c.tail) - api.MaxConsole; over > 0 {
		c.tail = append(c.tail[:0], c.tail[over:]...)
	}
	if c.size+int64(len(p)) > maxConsoleFile {
		c.size = 0
		_ = c.file.Truncate(0)
		_, _ = c.file.Seek(0, 0)
		n, _ := c.file.Write(c.tail)
		c.size = int64(n)
		return len(p), nil
	}
	n, _ := c.file.Write(p)
	c.size += int64(n)
	return len(p), nil
}

// bytes is a copy of the newest output.
func (c *console) bytes() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]byte(nil), c.tail...)
}

func (c *console) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	_ = c.file.Close()
}

// readConsole reads what a machine of an earlier process printed.
func readConsole(path string) ([]byte, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read console: %w", err)
	}
	return text[max(0, len(text)-api.MaxConsole):], nil
}
