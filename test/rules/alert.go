package main

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/template"
)

// Since when each alert of one rule has been active, by its labels.
type state struct {
	activeSince map[string]time.Time
}

// What fires now: an alert that has been active for the rule's `for`, at every evaluation since.
func (s *state) evaluate(ctx context.Context, engine *promql.Engine, data storage.Queryable, rule rulefmt.Rule, at time.Time) ([]string, error) {
	if rule.KeepFiringFor != 0 {
		return nil, fmt.Errorf("keep_firing_for is not known here")
	}
	query := func(ctx context.Context, expression string, at time.Time) (promql.Vector, error) {
		query, err := engine.NewInstantQuery(ctx, data, nil, expression, at)
		if err != nil {
			return nil, err
		}
		result := query.Exec(ctx)
		if scalar, err := result.Scalar(); err == nil {
			return promql.Vector{promql.Sample{T: scalar.T, F: scalar.V}}, nil
		}
		return result.Vector()
	}
	vector, err := query(ctx, rule.Expr, at)
	if err != nil {
		return nil, err
	}
	active := map[string]time.Time{}
	var firing []string
	for _, sample := range vector {
		labels := sample.Metric.Map()
		data := template.AlertTemplateData(labels, nil, "", sample)
		expand := func(texts map[string]string) (map[string]string, error) {
			expanded := map[string]string{}
			for name, text := range texts {
				text = "{{$labels := .Labels}}{{$externalLabels := .ExternalLabels}}{{$externalURL := .ExternalURL}}{{$value := .Value}}" + text
				result, err := template.NewTemplateExpander(ctx, text, rule.Alert, data, model.TimeFromUnixNano(at.UnixNano()), query, &url.URL{}, nil).Expand()
				if err != nil {
					return nil, err
				}
				expanded[name] = result
			}
			return expanded, nil
		}
		own, err := expand(rule.Labels)
		if err != nil {
			return nil, err
		}
		annotations, err := expand(rule.Annotations)
		if err != nil {
			return nil, err
		}
		delete(labels, model.MetricNameLabel)
		for name, value := range own {
			labels[name] = value
		}
		labels[model.AlertNameLabel] = rule.Alert
		identity := fmt.Sprintf("%q", labels)
		if _, twice := active[identity]; twice {
			return nil, fmt.Errorf("two alerts have the labels %s", identity)
		}
		since, known := s.activeSince[identity]
		if !known {
			since = at
		}
		active[identity] = since
		if at.Sub(since) >= time.Duration(rule.For) {
			firing = append(firing, describe(labels, annotations))
		}
	}
	s.activeSince = active
	return firing, nil
}
