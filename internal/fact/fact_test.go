package fact

import (
	"encoding/json"
	"testing"
	"time"

	"kickoff/internal/value"
)

func TestRoundTrip(t *testing.T) {
	in := &Facts{
		Name:      "i-1",
		Values:    value.HashOf("os", value.HashOf("family", "Debian"), "n", 3),
		Timestamp: time.Date(2026, 11, 22, 17, 0, 0, 5000, time.UTC),
	}
	text, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	var out Facts
	if err := json.Unmarshal(text, &out); err != nil {
		t.Fatal(err)
	}
	if out.Name != in.Name || !out.Timestamp.Equal(in.Timestamp) || !value.Equal(out.Values, in.Values) {
		t.Errorf("got %+v from %s", out, text)
	}
}

func TestBadFacts(t *testing.T) {
	for _, text := range []string{``, `[]`, `{}`, `{"name":"a","values":[1]}`, `{"name":"a","values":"x"}`, `{"name":3,"values":{}}`} {
		if err := json.Unmarshal([]byte(text), &Facts{}); err == nil {
			t.Errorf("%s: no error", text)
		}
	}
}

func FuzzFacts(f *testing.F) {
	f.Add([]byte(`{"name":"a","values":{"x":[1,2.5,null,true]},"timestamp":"2026-11-22T17:24:34.388927674+00:00"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var facts Facts
		if json.Unmarshal(data, &facts) != nil {
			return
		}
		text, err := json.Marshal(&facts)
		if err != nil {
			t.Fatalf("encode what was decoded: %v", err)
		}
		var again Facts
		if err := json.Unmarshal(text, &again); err != nil {
			t.Fatalf("decode %s again: %v", text, err)
		}
	})
}
