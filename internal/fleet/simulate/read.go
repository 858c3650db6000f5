package simulate

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// ReadLoad reads a load file: a head line with the columns time (RFC 3339),
// group and demand (in servers, fractional), in any order, others ignored.
func ReadLoad(r io.Reader) (map[string][]Row, error) {
	c := csv.NewReader(r)
	c.ReuseRecord, c.FieldsPerRecord, c.TrimLeadingSpace = true, -1, true
	head, err := c.Read()
	if err != nil {
		return nil, fmt.Errorf("read the head line: %w", err)
	}
	column := map[string]int{}
	for i, h := range head {
		column[strings.ToLower(strings.TrimSpace(strings.TrimPrefix(h, "\ufeff")))] = i
	}
	at, ok1 := column["time"]
	group, ok2 := column["group"]
	demand, ok3 := column["demand"]
	if !ok1 || !ok2 || !ok3 {
		return nil, fmt.Errorf("line 1: the head line must name the columns time, group and demand, not %s", strings.Join(head, ","))
	}
	out := map[string][]Row{}
	for {
		rec, err := c.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		line, _ := c.FieldPos(0)
		if len(rec) <= max(at, group, demand) {
			return nil, fmt.Errorf("line %d: %d columns, the head line names more", line, len(rec))
		}
		t, err := time.Parse(time.RFC3339, strings.TrimSpace(rec[at]))
		if err != nil {
			return nil, fmt.Errorf("line %d: time %q is not as 2026-08-01T15:04:05Z", line, rec[at])
		}
		d, err := strconv.ParseFloat(strings.TrimSpace(rec[demand]), 64)
		if err != nil || math.IsNaN(d) || d < 0 || d > 1e6 {
			return nil, fmt.Errorf("line %d: demand %q is not a number of servers", line, rec[demand])
		}
		name := strings.Clone(strings.TrimSpace(rec[group]))
		out[name] = append(out[name], Row{At: t.UTC(), Demand: d})
	}
	if len(out) == 0 {
		return nil, errors.New("the load holds no rows")
	}
	for _, rows := range out {
		slices.SortStableFunc(rows, func(a, b Row) int { return a.At.Compare(b.At) })
	}
	return out, nil
}
