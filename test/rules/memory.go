package main

import (
	"time"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/chunks"
	"github.com/prometheus/prometheus/util/annotations"
)

// The input series of one test. The engine asks for what is at a time, so that later samples may lie there already.
func newMemory(input []inputSeries, interval time.Duration) (storage.Queryable, error) {
	var all []storage.Series
	for _, one := range input {
		of, values, err := language.ParseSeriesDesc(one.Series + " " + one.Values)
		if err != nil {
			return nil, err
		}
		var samples []chunks.Sample
		for i, value := range values {
			if !value.Omitted {
				samples = append(samples, sample{at: int64(i) * interval.Milliseconds(), value: value.Value})
			}
		}
		all = append(all, storage.NewListSeries(of, samples))
	}
	pick := func(_ bool, _ *storage.SelectHints, matchers ...*labels.Matcher) storage.SeriesSet {
		var found []storage.Series
		for _, series := range all {
			if matches(series.Labels(), matchers) {
				found = append(found, series)
			}
		}
		return &seriesSet{series: found, index: -1}
	}
	return &storage.MockQueryable{MockQuerier: &storage.MockQuerier{SelectMockFunction: pick}}, nil
}

func matches(of labels.Labels, matchers []*labels.Matcher) bool {
	for _, matcher := range matchers {
		if !matcher.Matches(of.Get(matcher.Name)) {
			return false
		}
	}
	return true
}

type seriesSet struct {
	series []storage.Series
	index  int
}

func (s *seriesSet) Next() bool                        { s.index++; return s.index < len(s.series) }
func (s *seriesSet) At() storage.Series                { return s.series[s.index] }
func (s *seriesSet) Err() error                        { return nil }
func (s *seriesSet) Warnings() annotations.Annotations { return nil }

type sample struct {
	at    int64
	value float64
}

func (s sample) T() int64                      { return s.at }
func (s sample) ST() int64                     { return 0 }
func (s sample) F() float64                    { return s.value }
func (s sample) H() *histogram.Histogram       { return nil }
func (s sample) FH() *histogram.FloatHistogram { return nil }
func (s sample) Type() chunkenc.ValueType      { return chunkenc.ValFloat }
func (s sample) Copy() chunks.Sample           { return s }
