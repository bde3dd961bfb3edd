package main

import (
	"io"
	"os"
	"strings"
	"testing"
)

// block returns the fenced block of the README that follows the line
// <!-- ci: name -->, as .ci/run finds it too.
func block(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(text), "\n<!-- ci: "+name+" -->\n```")
	if !ok {
		t.Fatalf("README.md has no block marked %s", name)
	}
	_, rest, _ = strings.Cut(rest, "\n") // the language
	inside, _, ok := strings.Cut(rest, "```\n")
	if !ok {
		t.Fatalf("the block marked %s has no end", name)
	}
	return inside
}

// TestReadmeShowsThisProgram: what a newcomer copies is what is compiled here.
func TestReadmeShowsThisProgram(t *testing.T) {
	program, err := os.ReadFile("main.go")
	if err != nil {
		t.Fatal(err)
	}
	if shown := block(t, "program"); shown != string(program) {
		t.Errorf("README.md and internal/readme/main.go differ; README.md has\n%s", shown)
	}
}

func TestProgramPrintsWhatReadmeSays(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	printed := make(chan string, 1)
	go func() {
		b, _ := io.ReadAll(r)
		printed <- string(b)
	}()
	stdout := os.Stdout
	os.Stdout = w
	func() {
		defer func() { os.Stdout = stdout; w.Close() }()
		main()
	}()
	if got, want := <-printed, block(t, "output"); got != want {
		t.Errorf("printed\n%swant\n%s", got, want)
	}
}
