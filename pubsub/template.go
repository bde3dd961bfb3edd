package pubsub

import (
	"fmt"
	"strings"

	"github.com/trefoilgo/trefoil/status"
)

// template is a topic in which whole segments may be parameters: "chat.{room}".
type template struct {
	text     string
	segments []string // a parameter keeps its braces
	names    []string
}

// parseTemplate panics on a malformed template: it is a constant of the program.
func parseTemplate(text string) template {
	ns, rest := cutNamespace(text)
	t := template{text: text, segments: strings.Split(rest, ".")}
	plain := make([]string, len(t.segments))
	for i, s := range t.segments {
		name, ok := parameter(s)
		if ok {
			t.names = append(t.names, name)
			s = "p"
		}
		plain[i] = s
		if strings.ContainsAny(s, "{}") || ok && !plainSegment(name) {
			panic(fmt.Sprintf("pubsub: template %q: a parameter is a whole segment, {name}", text))
		}
	}
	check := strings.Join(plain, ".")
	if ns != "" {
		check = ns + ":" + check
		t.segments[0] = ns + ":" + t.segments[0]
	}
	if strings.ContainsAny(ns, "{}") {
		panic(fmt.Sprintf("pubsub: template %q: a namespace is no parameter", text))
	}
	if err := checkTopic(check); err != nil {
		panic(fmt.Sprintf("pubsub: template %q: %v", text, err))
	}
	return t
}

func parameter(segment string) (name string, ok bool) {
	if len(segment) < 2 || segment[0] != '{' || segment[len(segment)-1] != '}' {
		return "", false
	}
	return segment[1 : len(segment)-1], true
}

// fill puts params into the template in order.
func (t *template) fill(params []string) (string, error) {
	if len(params) != len(t.names) {
		return "", status.New(status.InvalidArgument, ErrBadTopic, "topic %s takes %d parameters, not %d", t.text, len(t.names), len(params))
	}
	for i, p := range params {
		if !plainSegment(p) {
			return "", status.New(status.InvalidArgument, ErrBadTopic, "parameter %s of topic %s is not one plain segment", t.names[i], t.text)
		}
	}
	topic := t.replace(func(i int) string { return params[i] })
	if err := checkTopic(topic); err != nil { // its length
		return "", err
	}
	return topic, nil
}

// filter is the template with every parameter a wildcard.
func (t *template) filter() string { return t.replace(func(int) string { return anySegment }) }

func (t *template) replace(by func(i int) string) string {
	var b strings.Builder
	n := 0
	for i, s := range t.segments {
		if i > 0 {
			b.WriteByte('.')
		}
		ns, rest := cutNamespace(s)
		if _, ok := parameter(rest); ok {
			if ns != "" {
				b.WriteString(ns + ":")
			}
			b.WriteString(by(n))
			n++
			continue
		}
		b.WriteString(s)
	}
	return b.String()
}
