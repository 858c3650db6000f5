package simulate

import (
	"fmt"
	"html"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"kickoff/internal/fleet/plan"
)

const (
	pictureWidth = 1600
	groupHeight  = 220
	margin       = 50
)

// Picture writes an SVG: for each group demand, wanted and serving over time,
// with the matches as bars.
func (r *Result) Picture(w io.Writer) error {
	names := r.names()
	height := len(names)*(groupHeight+margin) + margin
	b := &strings.Builder{}
	fmt.Fprintf(b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">`+"\n", pictureWidth, height)
	fmt.Fprintf(b, `<rect width="100%%" height="100%%" fill="white"/>`+"\n")
	for i, name := range names {
		r.draw(b, name, margin+i*(groupHeight+margin))
	}
	b.WriteString("</svg>\n")
	_, err := io.WriteString(w, b.String())
	return err
}

func (r *Result) names() []string {
	names := make([]string, 0, len(r.Groups))
	for n := range r.Groups {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

func (r *Result) x(at time.Time) float64 {
	share := float64(at.Sub(r.From)) / float64(r.To.Sub(r.From))
	return margin + min(max(share, 0), 1)*(pictureWidth-2*margin)
}

func (r *Result) draw(b *strings.Builder, name string, top int) {
	g := r.Groups[name]
	high := g.highest()
	y := func(v float64) float64 { return float64(top+groupHeight) - v/high*groupHeight }
	fmt.Fprintf(b, `<text x="%d" y="%d" font-weight="bold">%s</text>`+"\n", margin, top-24, html.EscapeString(name))
	fmt.Fprintf(b, `<text x="%d" y="%d"><tspan fill="#b45309">demand</tspan>  <tspan fill="#1d4ed8">wanted</tspan>  <tspan fill="#047857">serving</tspan>  <tspan fill="#888">matches and windows</tspan>  short %d min, %.0f server hours</text>`+"\n",
		margin, top-8, g.ShortMinutes, g.ServerHours)
	for _, e := range g.Entries {
		if e.Rule == plan.RuleOverride {
			continue
		}
		left, right := r.x(e.Begin), r.x(e.End)
		fmt.Fprintf(b, `<rect x="%.1f" y="%d" width="%.1f" height="%d" fill="#e5e7eb"><title>%s: %d</title></rect>`+"\n", left, top, max(right-left, 0.5), groupHeight, html.EscapeString(e.Title), e.Size)
	}
	for _, v := range []float64{0, high / 2, high} {
		fmt.Fprintf(b, `<text x="%d" y="%.1f" text-anchor="end" fill="#666">%.0f</text><line x1="%d" x2="%d" y1="%.1f" y2="%.1f" stroke="#ddd"/>`+"\n", margin-6, y(v)+4, v, margin, pictureWidth-margin, y(v), y(v))
	}
	for i := range 7 {
		at := r.From.Add(r.To.Sub(r.From) / 6 * time.Duration(i))
		fmt.Fprintf(b, `<text x="%.1f" y="%d" text-anchor="middle" fill="#666">%s</text>`+"\n", r.x(at), top+groupHeight+16, at.UTC().Format("2006-01-02 15:04"))
	}
	for _, line := range []struct {
		color string
		dash  string
		value func(Point) float64
	}{
		{"#1d4ed8", "4 2", func(p Point) float64 { return float64(p.Wanted) }},
		{"#047857", "", func(p Point) float64 { return float64(p.Serving) }},
		{"#b45309", "", func(p Point) float64 { return p.Demand }},
	} {
		r.stairs(b, g.Points, line.color, line.dash, y, line.value)
	}
}

// stairs draws a line of steps; steps that are narrower than a pixel show their highest value.
func (r *Result) stairs(b *strings.Builder, points []Point, color, dash string, y func(float64) float64, value func(Point) float64) {
	fmt.Fprintf(b, `<path fill="none" stroke="%s" stroke-dasharray="%s" d="M`, color, dash)
	lastX, lastY := -1.0, 0.0
	for _, p := range points {
		px, py := math.Round(r.x(p.At)*2)/2, y(value(p))
		switch {
		case lastX < 0:
			fmt.Fprintf(b, "%.1f %.1f", px, py)
		case px == lastX && py >= lastY: // lower, in the same pixel: drop below later
			fmt.Fprintf(b, "V%.1f", py)
		case py != lastY:
			fmt.Fprintf(b, "H%.1fV%.1f", px, py)
		default:
			continue
		}
		lastX, lastY = px, py
	}
	fmt.Fprintf(b, `H%d"/>`+"\n", pictureWidth-margin)
}

func (g *GroupResult) highest() float64 {
	high := 1.0
	for _, p := range g.Points {
		high = max(high, p.Demand, float64(p.Wanted), float64(p.Serving))
	}
	return high
}

// Sketch draws a group for the terminal, width columns wide: the highest
// demand and the lowest serving of each column, and where matches are.
func (r *Result) Sketch(w io.Writer, name string, width int) error {
	const rows = 6
	g := r.Groups[name]
	high := g.highest()
	demand, serving, match := make([]float64, width), make([]float64, width), make([]bool, width)
	column := func(at time.Time) int {
		return min(max(int(float64(width)*float64(at.Sub(r.From))/float64(r.To.Sub(r.From))), 0), width-1)
	}
	for i, p := range g.Points {
		last := width - 1
		if i+1 < len(g.Points) {
			last = column(g.Points[i+1].At)
		}
		for c := column(p.At); c <= last; c++ {
			demand[c] = max(demand[c], p.Demand)
			serving[c] = max(serving[c], float64(p.Serving))
		}
	}
	for _, e := range g.Entries {
		if e.Rule == plan.RuleMatch {
			for c := column(e.Begin); c <= column(e.End) && e.End.After(r.From) && e.Begin.Before(r.To); c++ {
				match[c] = true
			}
		}
	}
	b := &strings.Builder{}
	for row := rows; row > 0; row-- {
		line := high * (float64(row) - 0.5) / rows
		fmt.Fprintf(b, "%5.0f |", high*float64(row)/rows)
		for c := range width {
			b.WriteString(cell(demand[c] >= line, serving[c] >= line))
		}
		b.WriteByte('\n')
	}
	b.WriteString("match |")
	for _, m := range match {
		b.WriteString(map[bool]string{true: "▔", false: " "}[m])
	}
	_, err := fmt.Fprintf(w, "%s\n       # demand served, - serving more than demand, ! demand above serving (highest of each column)\n", b)
	return err
}

func cell(demand, serving bool) string {
	switch {
	case demand && serving:
		return "#"
	case demand:
		return "!"
	case serving:
		return "-"
	}
	return " "
}
