package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql"
	"go.yaml.in/yaml/v3"
)

type testFile struct {
	RuleFiles          []string       `yaml:"rule_files"`
	EvaluationInterval model.Duration `yaml:"evaluation_interval"`
	Tests              []testGroup    `yaml:"tests"`
}

type testGroup struct {
	Name           string         `yaml:"name"`
	Interval       model.Duration `yaml:"interval"`
	InputSeries    []inputSeries  `yaml:"input_series"`
	AlertRuleTests []alertTest    `yaml:"alert_rule_test"`
}

type inputSeries struct {
	Series string `yaml:"series"`
	Values string `yaml:"values"`
}

type alertTest struct {
	EvalTime  model.Duration  `yaml:"eval_time"`
	Alertname string          `yaml:"alertname"`
	ExpAlerts []expectedAlert `yaml:"exp_alerts"`
}

type expectedAlert struct {
	Labels      map[string]string `yaml:"exp_labels"`
	Annotations map[string]string `yaml:"exp_annotations"`
}

func runTests(file string) error {
	content, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var tests testFile
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	decoder.KnownFields(true)
	if err := decoder.Decode(&tests); err != nil {
		return err
	}
	var rules []rulefmt.Rule
	for _, name := range tests.RuleFiles {
		groups, err := load(filepath.Join(filepath.Dir(file), name))
		if err != nil {
			return err
		}
		for _, group := range groups.Groups {
			rules = append(rules, group.Rules...)
		}
	}
	var errs []error
	for _, group := range tests.Tests {
		if err := group.run(rules, time.Duration(tests.EvaluationInterval)); err != nil {
			errs = append(errs, fmt.Errorf("%s:\n%w", group.Name, err))
		}
	}
	if len(errs) > 0 {
		return joined(errs)
	}
	fmt.Printf("%s: SUCCESS: %d tests\n", file, len(tests.Tests))
	return nil
}

// Evaluates every rule that is asked for at every interval, as Prometheus does, and compares what fires at the times that are asked for.
func (group testGroup) run(rules []rulefmt.Rule, every time.Duration) error {
	data, err := newMemory(group.InputSeries, time.Duration(group.Interval))
	if err != nil {
		return err
	}
	engine := promql.NewEngine(promql.EngineOpts{MaxSamples: 1_000_000, Timeout: time.Minute, EnableAtModifier: true, EnableNegativeOffset: true})
	states := make([]state, len(rules))
	var last time.Duration
	for _, test := range group.AlertRuleTests {
		last = max(last, time.Duration(test.EvalTime))
	}
	var errs []error
	for at := time.Duration(0); at <= last; at += every {
		firing := map[string][]string{}
		for i, rule := range rules {
			if !group.asksFor(rule.Alert) {
				continue
			}
			now, err := states[i].evaluate(context.Background(), engine, data, rule, time.Unix(0, 0).UTC().Add(at))
			if err != nil {
				return fmt.Errorf("%s at %s: %w", rule.Alert, model.Duration(at), err)
			}
			firing[rule.Alert] = append(firing[rule.Alert], now...)
		}
		for _, test := range group.AlertRuleTests {
			if wanted := time.Duration(test.EvalTime); wanted < at || wanted >= at+every {
				continue
			}
			if !slices.ContainsFunc(rules, func(rule rulefmt.Rule) bool { return rule.Alert == test.Alertname }) {
				errs = append(errs, fmt.Errorf("there is no alert %s", test.Alertname))
				continue
			}
			if err := test.compare(firing[test.Alertname]); err != nil {
				errs = append(errs, err)
			}
		}
	}
	return joined(errs)
}

func (group testGroup) asksFor(alert string) bool {
	return slices.ContainsFunc(group.AlertRuleTests, func(test alertTest) bool { return test.Alertname == alert })
}

func (test alertTest) compare(got []string) error {
	var expected []string
	for _, alert := range test.ExpAlerts {
		labels := map[string]string{"alertname": test.Alertname}
		for name, value := range alert.Labels {
			labels[name] = value
		}
		expected = append(expected, describe(labels, alert.Annotations))
	}
	slices.Sort(expected)
	slices.Sort(got)
	if slices.Equal(expected, got) {
		return nil
	}
	return fmt.Errorf("  %s at %s\n    expected: %s\n    got:      %s", test.Alertname, test.EvalTime, strings.Join(expected, "\n              "), strings.Join(got, "\n              "))
}

// One firing alert as a line that is equal for equal alerts.
func describe(labels, annotations map[string]string) string {
	return fmt.Sprintf("labels %q annotations %q", labels, annotations)
}

func joined(errs []error) error {
	return errors.Join(errs...)
}
