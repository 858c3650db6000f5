package story

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// copyExample puts the example's files into the work directory, readable by the unprivileged server, so that the
// story changes a copy and never the checkout.
func (s *Story) copyExample() error {
	for _, name := range []string{"fleet.yaml", "node_groups.yml", "code"} {
		if err := exec.Command("cp", "-r", filepath.Join(s.p.Example, name), s.dir).Run(); err != nil {
			return fmt.Errorf("copy %s of the example: %w", name, err)
		}
	}
	if err := s.ownCloud(); err != nil {
		return err
	}
	modules := filepath.Join(s.dir, "code", "environments", "production", "modules")
	for _, m := range s.p.Modules {
		if err := exec.Command("cp", "-r", m, modules).Run(); err != nil {
			return fmt.Errorf("copy the module %s: %w", m, err)
		}
	}
	if err := exec.Command("chmod", "-R", "a+rX", s.dir).Run(); err != nil {
		return fmt.Errorf("make the example readable: %w", err)
	}
	data := filepath.Join(s.dir, "data")
	if err := os.Mkdir(data, 0o700); err != nil {
		return err
	}
	return os.Chown(data, unprivileged, unprivileged)
}

// makeRepository turns the application's directory into a bare git repository that plain HTTP can serve.
func (s *Story) makeRepository() error {
	work, bare := filepath.Join(s.dir, "app"), filepath.Join(s.dir, "git", "app.git")
	if err := exec.Command("cp", "-r", s.p.App, work).Run(); err != nil {
		return fmt.Errorf("copy the application: %w", err)
	}
	for _, args := range [][]string{
		{"-C", work, "init", "-q", "-b", "main"},
		{"-C", work, "add", "-A"},
		{"-C", work, "-c", "user.name=demo", "-c", "user.email=demo@example.com", "commit", "-q", "-m", "the application"},
		{"clone", "-q", "--bare", work, bare},
		{"-C", bare, "update-server-info"},
	} {
		if out, err := exec.Command("git", args...).CombinedOutput(); err != nil {
			return fmt.Errorf("git %s: %w: %s", strings.Join(args, " "), err, out)
		}
	}
	return nil
}

// ownCloud points the example's local cloud to the one that this story started.
func (s *Story) ownCloud() error {
	path := filepath.Join(s.dir, "fleet.yaml")
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	const from = "local: {image: debian-12}"
	if !strings.Contains(string(text), from) {
		return fmt.Errorf("%s has no %q", path, from)
	}
	to := fmt.Sprintf("local: {image: debian-12, socket: %s}", s.cloudSocket())
	return os.WriteFile(path, []byte(strings.Replace(string(text), from, to, 1)), 0o644)
}

func (s *Story) gitAddress() string { return net.JoinHostPort(s.p.HostAddress, s.p.GitPort) }

// serveRepository serves the git repositories to the machines for as long as this process lives.
func (s *Story) serveRepository() error {
	l, err := net.Listen("tcp", s.gitAddress())
	if err != nil {
		return fmt.Errorf("serve the git repository: %w", err)
	}
	s.git, err = gitServer(filepath.Join(s.dir, "git"))
	if err != nil {
		return err
	}
	go func() { _ = s.git.Serve(l) }()
	return nil
}

func gitServer(dir string) (*http.Server, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	return &http.Server{Handler: http.FileServerFS(root.FS()), ReadHeaderTimeout: 10 * time.Second}, nil
}

// ServeGit serves the git repositories below dir until the process is ended: the part of a story left running that
// must outlive the program that told it.
func ServeGit(dir, address string) error {
	srv, err := gitServer(dir)
	if err != nil {
		return err
	}
	srv.Addr = address
	return srv.ListenAndServe()
}

// changeData replaces text in one file of the environment, as an editor would: by a new file in its place.
func (s *Story) changeData(file, from, to string) error {
	path := filepath.Join(s.dir, "code", file)
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if !strings.Contains(string(text), from) {
		return fmt.Errorf("%s does not hold %q", file, from)
	}
	next := path + ".new"
	if err := os.WriteFile(next, []byte(strings.ReplaceAll(string(text), from, to)), 0o644); err != nil {
		return err
	}
	return os.Rename(next, path)
}
