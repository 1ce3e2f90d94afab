package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"fullsync/internal/user"
)

// maxPasswordLine is how many bytes are read for a password; the longest allowed password is shorter.
const maxPasswordLine = 4096

// newPassword asks for a user's new password twice, without showing it, if standard input is a terminal; otherwise it takes
// the first line. There is no flag for it, because others on the machine could see that.
func newPassword(ctx context.Context, io IO, name string) (string, error) {
	terminal, ok := io.In.(*os.File)
	if !ok || !term.IsTerminal(int(terminal.Fd())) {
		return passwordLine(ctx, io.In)
	}
	password, err := ask(ctx, terminal, io.Err, fmt.Sprintf("New password for %s: ", name))
	if err != nil {
		return "", err
	}
	if err := user.CheckPassword(name, password); err != nil {
		return "", err
	}
	again, err := ask(ctx, terminal, io.Err, "Repeat it: ")
	if err != nil {
		return "", err
	}
	if again != password {
		return "", errors.New("the two passwords differ; nothing was changed")
	}
	return password, nil
}

// ask prompts and reads one line without showing it. When ctx ends, it turns the terminal's echo back on.
func ask(ctx context.Context, terminal *os.File, prompts io.Writer, prompt string) (string, error) {
	fd := int(terminal.Fd())
	before, err := term.GetState(fd)
	if err != nil {
		return "", err
	}
	fmt.Fprint(prompts, prompt)
	defer fmt.Fprintln(prompts)
	return await(ctx, func() (string, error) {
		text, err := term.ReadPassword(fd)
		return string(text), err
	}, func() { _ = term.Restore(fd, before) })
}

// passwordLine returns the first line of in, without its line ending.
func passwordLine(ctx context.Context, in io.Reader) (string, error) {
	return await(ctx, func() (string, error) {
		line, err := bufio.NewReader(io.LimitReader(in, maxPasswordLine)).ReadString('\n')
		if errors.Is(err, io.EOF) && line == "" {
			return "", errors.New("standard input is empty: give the password as its first line, or run this on a terminal")
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return "", err
		}
		return strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r"), nil
	}, func() {})
}

// await returns what read returns. If ctx ends first, it calls abandoned and returns ctx's error; the read then goes on
// until the process ends.
func await(ctx context.Context, read func() (string, error), abandoned func()) (string, error) {
	type result struct {
		text string
		err  error
	}
	done := make(chan result, 1)
	go func() {
		text, err := read()
		done <- result{text, err}
	}()
	select {
	case r := <-done:
		return r.text, r.err
	case <-ctx.Done():
		abandoned()
		return "", ctx.Err()
	}
}
