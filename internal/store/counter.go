package store

import (
	"context"
	"fmt"
)

// nextCounter advances a counter that starts at 1 and returns its new value.
func (tx *Tx) nextCounter(ctx context.Context, name string) (int64, error) {
	var n int64
	err := tx.QueryRow(ctx, `INSERT INTO counters (name, value) VALUES (?, 1)
		ON CONFLICT (name) DO UPDATE SET value = counters.value + 1 RETURNING value`, name).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("advance counter %s: %w", name, err)
	}
	return n, nil
}
