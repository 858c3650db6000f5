package erb

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"kickoff/internal/value"
)

// fakeHost is a scope of variables with one function.
type fakeHost map[string]value.Value

func (h fakeHost) Variable(name string) (value.Value, bool) { v, ok := h[name]; return v, ok }

func (h fakeHost) Lookup(_ context.Context, name string) (value.Value, error) {
	if v, ok := h[name]; ok {
		return v, nil
	}
	return nil, fmt.Errorf("unknown variable '%s'", name)
}

func (h fakeHost) Call(_ context.Context, name string, args []value.Value) (value.Value, error) {
	return value.String(fmt.Sprintf("%s%v", name, args)), nil
}

func (h fakeHost) Has(_ context.Context, name string) bool { return name == "known" }

func (h fakeHost) Format(format string, _ []value.Value) (string, error) { return format, nil }

func (h fakeHost) YAML(v value.Value) string { return "--- " + v.String() + "\n" }

func (h fakeHost) File() string { return "/t.erb" }

func renderText(t *testing.T, src string) (string, error) {
	t.Helper()
	tpl, err := Parse(src)
	if err != nil {
		return "", err
	}
	h := fakeHost{"s": value.String("text"), "n": value.Int(3), "u": value.Undef{}, "secret": value.NewSensitive(value.String("pw"))}
	return tpl.Render(t.Context(), h)
}

func TestRender(t *testing.T) {
	for src, want := range map[string]string{
		"":                            "",
		"a\nb":                        "a\nb",
		"a<%= @n + 1 -%>\nb":          "a4b",
		"  <%- if @n -%>\nx<% end %>": "x",
		"<%= scope.call_function('known', [1, nil]) %>": "known[1 ]",
		"<%= scope['n'] %><%= @u.inspect %>":            "3nil",
		"<%= @secret %> <%= @secret.unwrap %>":          value.Redacted + " pw",
		"<%= file %>":                                   "/t.erb",
		"<%= (raise 'x' rescue 'saved') %>":             "saved",
	} {
		got, err := renderText(t, src)
		if err != nil || got != want {
			t.Errorf("%q gives %q, %v; want %q", src, got, err, want)
		}
	}
}

// TestRefused has what the subset does not have: each is refused with its name and line, and a rescue does not hide it.
func TestRefused(t *testing.T) {
	for src, want := range map[string]string{
		"\n<%= `id` %>":                                   "line 2: commands in backquotes",
		"\n\n<% class X; end %>":                          "line 3: 'class'",
		"<% module M; end %>":                             "'module'",
		"<%= <<EOS\nx\nEOS\n%>":                           "here-documents",
		"<%= @@x %>":                                      "class variables",
		"<%= $stdout %>":                                  "$stdout",
		"<%= ENV['HOME'] %>":                              "constant ENV",
		"<%= File.read('/etc/passwd') %>":                 "File.read",
		"<%= system('id') %>":                             "'system'",
		"<%= eval('1') %>":                                "'eval'",
		"<%= binding(1) rescue 1 %>":                      "'binding'",
		"<%= @s.unpack('C*') rescue 1 %>":                 "'unpack' of String",
		"<%= [1].each_with_index(1) {} %>":                "with 1 arguments",
		"<%= [1].length { } %>":                           "with a block",
		"<%= 2 ** 100 %>":                                 "more than 64 bits",
		"<%= require 'open3' %>":                          "require 'open3'",
		"<%= scope.compiler %>":                           "scope.compiler",
		"<%= %x(id) %>":                                   "%x literals",
		"<% def x(a:) end %>":                             "keyword and block parameters",
		"<%= Puppet.settings %>":                          "constant Puppet",
		"<%= @s =~ /(?<n>/ %>":                            "regular expression",
		"<% return %>":                                    "'return' outside",
		"\n<% if true %>\n":                               "unexpected end of the template",
		"<%= 'x %>\n":                                     "not closed",
		"<% end %>":                                       "unexpected 'end'",
		"<%= 1 2 %>":                                      "unexpected '2'",
		"<%= foo %>":                                      "undefined local variable",
		"<%= @u.upcase %>":                                "undefined method `upcase' for nil",
		"<%= scope['nope'] %>":                            "unknown variable",
		"<%= scope.function_unknown([1]) %>":              "Unknown function: 'unknown'",
		"\n\n\n<%= raise 'own' %>":                        "line 4: own",
		"<%= " + strings.Repeat("[", 100000) + " %>":      "too deeply",
		"<% a = []; a << a %><%= a.uniq == [a] %>":        "too deeply",
		"<%= " + strings.Repeat("(", 100000) + " %>":      "too deeply",
		"<%= \"" + strings.Repeat("#{\"", 100000) + " %>": "too deeply",
		"<% def f(x)\nf(x)\nend %><%= f(1) %>":            "too deeply",
		"<%= 'x' * 100000000000 %>":                       "grows beyond",
		"<% s = 'x' * 1000; loop { s << s } %>":           "grows beyond",
		"<% a = []; a << a %><%= a %>":                    "too deeply",
		"<% x = 1 while true %>":                          "too many steps",
	} {
		got, err := renderText(t, src)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60q gives %.60q, error %v; want an error with %q", src, got, err, want)
		}
	}
}

func TestCancelled(t *testing.T) {
	tpl, err := Parse("<% x = 1 while true %>")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := tpl.Render(ctx, fakeHost{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v, want that of the context", err)
	}
}

// TestShared renders one template many times at once.
func TestShared(t *testing.T) {
	tpl, err := Parse("<% h = {'a' => [1]} ; h['a'] << @n; r = /x/ %><%= h %>")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan string)
	for i := range 8 {
		go func() {
			s, err := tpl.Render(context.Background(), fakeHost{"n": value.Int(i)})
			done <- fmt.Sprintf("%v %v", s == fmt.Sprintf(`{"a"=>[1, %d]}`, i), err)
		}()
	}
	for range 8 {
		if s := <-done; s != "true <nil>" {
			t.Error(s)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"a <%= @x %> b", "<%- if @a -%>\nx\n<%- else -%>\n<% end %>", "<%% %%>", "<% [1,2].each do |(a, b), *c| %><%= a %><% end %>",
		"<%= \"#{@a ? 'b' : %w(c d)[0]}\" =~ /x#{1}/i %>", "<% def f(a, b = 1) a end %><%= f 1 %>", "<% case x when 1, *y then 2 end %>",
		"<% begin; raise 'a'; rescue A => e; ensure; end %>", "<% a, (b, *c) = 1, [2] %>", "<%= {a: 1, 'b' => 2}.map { |k, v| k } %>",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, src string) {
		tpl, err := Parse(src)
		if err != nil {
			return
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, _ = tpl.Render(ctx, fakeHost{"x": value.String("v"), "a": value.NewArray(value.Int(1), value.Undef{})})
	})
}
