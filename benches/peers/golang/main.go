// Serves the rows of an exposition through client_golang: a custom collector of const metrics, as exporters in Go have it.
//
// Usage: main FILE ADDRESS. The rows are read once; each scrape makes its metrics afresh, as client_golang asks.
package main

import (
	"bufio"
	"log"
	"net/http"
	"os"
	"strconv"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

type row struct {
	values []string
	value  float64
}

type family struct {
	desc *prometheus.Desc
	rows []row
}

type fleet struct{ families []*family }

func (fleet *fleet) Describe(descs chan<- *prometheus.Desc) {
	for _, family := range fleet.families {
		descs <- family.desc
	}
}

func (fleet *fleet) Collect(metrics chan<- prometheus.Metric) {
	for _, family := range fleet.families {
		for _, row := range family.rows {
			metrics <- prometheus.MustNewConstMetric(family.desc, prometheus.GaugeValue, row.value, row.values...)
		}
	}
}

// read takes an exposition whose label values need no unescaping, as those of a simulated fleet.
func read(path string) *fleet {
	file, err := os.Open(path)
	if err != nil {
		log.Fatal(err)
	}
	fleet := &fleet{}
	var name, help string
	lines := bufio.NewScanner(file)
	lines.Buffer(make([]byte, 1<<20), 1<<20)
	for lines.Scan() {
		line := lines.Text()
		if strings.HasPrefix(line, "# HELP ") {
			parts := strings.SplitN(line, " ", 4)
			name, help = parts[2], parts[3]
			fleet.families = append(fleet.families, &family{})
			continue
		}
		open, end := strings.IndexByte(line, '{'), strings.LastIndexByte(line, '}')
		if strings.HasPrefix(line, "#") || open < 0 {
			continue
		}
		family := fleet.families[len(fleet.families)-1]
		var labels, values []string
		for _, label := range strings.Split(line[open+1:end-1], "\",") {
			parts := strings.SplitN(label, "=\"", 2)
			labels, values = append(labels, parts[0]), append(values, strings.TrimSuffix(parts[1], "\""))
		}
		if family.desc == nil {
			family.desc = prometheus.NewDesc(name, help, labels, nil)
		}
		value, err := strconv.ParseFloat(line[end+2:], 64)
		if err != nil {
			log.Fatal(err)
		}
		family.rows = append(family.rows, row{values, value})
	}
	withRows := fleet.families[:0]
	for _, family := range fleet.families {
		if family.desc != nil {
			withRows = append(withRows, family)
		}
	}
	fleet.families = withRows
	return fleet
}

func main() {
	registry := prometheus.NewRegistry()
	registry.MustRegister(read(os.Args[1]))
	http.Handle("/metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	log.Fatal(http.ListenAndServe(os.Args[2], nil))
}
