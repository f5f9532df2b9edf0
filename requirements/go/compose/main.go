// docker-compose reads compose files as Docker Compose does since version 2, with the parser of the compose specification.
//
//	docker-compose [--project-name NAME] -f FILE [-f FILE ...] config --quiet
//	docker-compose version --short
//
// It has no other command: it runs nothing, and needs neither network nor daemon.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/sirupsen/logrus"
)

const parser = "github.com/compose-spec/compose-go/v2"

type files []string

func (all *files) String() string { return strings.Join(*all, ",") }

func (all *files) Set(file string) error {
	*all = append(*all, file)
	return nil
}

func version() string {
	if info, known := debug.ReadBuildInfo(); known {
		for _, module := range info.Deps {
			if module.Path == parser {
				return strings.TrimPrefix(module.Version, "v")
			}
		}
	}
	return "2"
}

func check(name string, paths []string) error {
	options, err := cli.NewProjectOptions(paths, cli.WithName(name), cli.WithWorkingDirectory(filepath.Dir(paths[0])))
	if err != nil {
		return err
	}
	_, err = options.LoadProject(context.Background())
	return err
}

func main() {
	var paths files
	name := flag.String("project-name", "weft", "the name of the project")
	flag.Var(&paths, "f", "a compose file; later ones win")
	flag.Parse()
	logrus.SetLevel(logrus.ErrorLevel)
	switch {
	case flag.Arg(0) == "version":
		fmt.Println(version())
	case flag.Arg(0) == "config" && len(paths) > 0:
		if err := check(*name, paths); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	default:
		fmt.Fprintln(os.Stderr, "usage: docker-compose [--project-name NAME] -f FILE config --quiet")
		os.Exit(2)
	}
}
