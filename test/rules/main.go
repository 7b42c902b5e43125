// Command rules does `promtool check rules` and `promtool test rules` with Prometheus' own parser, engine and templates, and an expression's parsing.
// promtool itself takes eight times as long to compile, for clouds and storage that rules have no use for; it reads the same files.
//
//	rules check FILE...    parses rule files as Prometheus loads them
//	rules parse EXPR...    parses expressions
//	rules test FILE...     runs unit tests in promtool's format (alerts only)
package main

import (
	"fmt"
	"log/slog"
	"os"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
)

var language = parser.NewParser(parser.Options{})

func main() {
	commands := map[string]func(string) error{"check": check, "parse": parse, "test": runTests}
	if len(os.Args) < 3 || commands[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: rules check|parse|test ARGUMENT...")
		os.Exit(64)
	}
	failed := false
	for _, argument := range os.Args[2:] {
		if err := commands[os.Args[1]](argument); err != nil {
			failed = true
			fmt.Fprintf(os.Stderr, "%s: FAILED\n%v\n", argument, err)
		}
	}
	if failed {
		os.Exit(1)
	}
}

func check(file string) error {
	groups, err := load(file)
	if err != nil {
		return err
	}
	count := 0
	for _, group := range groups.Groups {
		count += len(group.Rules)
	}
	fmt.Printf("%s: SUCCESS: %d rules found\n", file, count)
	return nil
}

func parse(expression string) error {
	_, err := language.ParseExpr(expression)
	return err
}

func load(file string) (*rulefmt.RuleGroups, error) {
	groups, errs := rulefmt.ParseFile(file, false, model.UTF8Validation, language, slog.New(slog.DiscardHandler))
	if len(errs) > 0 {
		return nil, joined(errs)
	}
	return groups, nil
}
