// Renders the Helm chart as Helm does: Go's text/template, Sprig, and Helm's own few functions. For the tests, where Helm
// itself cannot be installed: render.go CHART VALUES... prints every manifest.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"text/template"

	"github.com/Masterminds/sprig"
	"github.com/ghodss/yaml"
)

type files struct{ chart string }

func (f files) Get(name string) string { return string(read(filepath.Join(f.chart, name))) }

func (f files) Glob(pattern string) map[string][]byte {
	found := map[string][]byte{}
	names, err := filepath.Glob(filepath.Join(f.chart, pattern))
	check(err)
	for _, name := range names {
		relative, err := filepath.Rel(f.chart, name)
		check(err)
		found[relative] = read(name)
	}
	return found
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func read(name string) []byte {
	text, err := os.ReadFile(name)
	check(err)
	return text
}

func parse(text []byte) map[string]interface{} {
	value := map[string]interface{}{}
	check(yaml.Unmarshal(text, &value))
	return value
}

func merge(under, over map[string]interface{}) {
	for key, value := range over {
		inner, isMap := value.(map[string]interface{})
		below, wasMap := under[key].(map[string]interface{})
		if isMap && wasMap {
			merge(below, inner)
		} else {
			under[key] = value
		}
	}
}

func main() {
	chart := os.Args[1]
	values := parse(read(filepath.Join(chart, "values.yaml")))
	for _, name := range os.Args[2:] {
		merge(values, parse(read(name)))
	}
	about := parse(read(filepath.Join(chart, "Chart.yaml")))
	all := template.New("chart").Option("missingkey=error")
	functions := sprig.TxtFuncMap()
	functions["include"] = func(name string, data interface{}) (string, error) {
		var out bytes.Buffer
		err := all.ExecuteTemplate(&out, name, data)
		return out.String(), err
	}
	functions["toYaml"] = func(value interface{}) string {
		text, err := yaml.Marshal(value)
		check(err)
		return strings.TrimSuffix(string(text), "\n")
	}
	functions["fromYaml"] = func(text string) map[string]interface{} { return parse([]byte(text)) }
	functions["toJson"] = func(value interface{}) string {
		text, err := json.Marshal(value)
		check(err)
		return string(text)
	}
	all.Funcs(functions)
	names, err := filepath.Glob(filepath.Join(chart, "templates", "*"))
	check(err)
	sort.Strings(names)
	for _, name := range names {
		template.Must(all.New(filepath.Base(name)).Parse(string(read(name))))
	}
	data := map[string]interface{}{
		"Values":  values,
		"Chart":   map[string]interface{}{"Name": about["name"], "Version": about["version"], "AppVersion": about["appVersion"]},
		"Release": map[string]interface{}{"Name": "test", "Namespace": "monitoring", "Service": "Helm"},
		"Files":   files{chart},
	}
	for _, name := range names {
		if !strings.HasSuffix(name, ".yaml") {
			continue
		}
		fmt.Printf("---\n# %s\n", filepath.Base(name))
		check(all.ExecuteTemplate(os.Stdout, filepath.Base(name), data))
		fmt.Println()
	}
}
