// Renders a Helm chart where there is no helm: Helm's templates are Go templates with the sprig functions and a few of Helm's own.
// Built offline from Debian's packages golang, golang-github-masterminds-sprig-dev and golang-gopkg-yaml.v3-dev (GO111MODULE=off).
// It knows what our chart uses: no subcharts, no schema (the tests check that), no cluster (lookup finds nothing).
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"text/template"

	"github.com/Masterminds/semver"
	"github.com/Masterminds/sprig"
	"gopkg.in/yaml.v3"
)

type object = map[string]interface{}

// A list of names, with the method that templates call.
type versions []string

func (v versions) Has(name string) bool {
	for _, one := range v {
		if one == name {
			return true
		}
	}
	return false
}

type list []string

func (l *list) String() string     { return strings.Join(*l, ",") }
func (l *list) Set(v string) error { *l = append(*l, v); return nil }

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	flags := flag.NewFlagSet("renderer", flag.ContinueOnError)
	var files, apis list
	flags.Var(&files, "values", "a values file; the later wins over the earlier")
	flags.Var(&apis, "api-versions", "an API that the cluster knows")
	name := flags.String("name", "release", "the release's name")
	namespace := flags.String("namespace", "default", "the release's namespace")
	kube := flags.String("kube-version", "1.30.0", "the cluster's version")
	notes := flags.Bool("notes", false, "render NOTES.txt instead of the objects")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() != 1 {
		return errors.New("name the chart's directory after the options")
	}
	root := flags.Arg(0)

	chart, err := readObject(filepath.Join(root, "Chart.yaml"))
	if err != nil {
		return err
	}
	values, err := readObject(filepath.Join(root, "values.yaml"))
	if err != nil {
		return err
	}
	for _, file := range files {
		more, err := readObject(file)
		if err != nil {
			return err
		}
		merge(values, more)
	}
	version, err := semver.NewVersion(*kube)
	if err != nil {
		return fmt.Errorf("-kube-version %s: %w", *kube, err)
	}
	if wanted, ok := chart["kubeVersion"].(string); ok {
		constraint, err := semver.NewConstraint(wanted)
		if err != nil {
			return fmt.Errorf("Chart.yaml: kubeVersion: %w", err)
		}
		if !constraint.Check(version) {
			return fmt.Errorf("chart requires kubeVersion: %s which is incompatible with Kubernetes v%s", wanted, version)
		}
	}

	// Templates see Chart.yaml by the names of Helm's Go type.
	named := object{}
	for key, value := range chart {
		named[strings.ToUpper(key[:1])+key[1:]] = value
	}
	context := object{
		"Values":  values,
		"Chart":   named,
		"Release": object{"Name": *name, "Namespace": *namespace, "Service": "Helm", "IsInstall": true, "IsUpgrade": false, "Revision": 1},
		"Capabilities": object{
			"APIVersions": append(versions{"v1", "apps/v1", "autoscaling/v2", "policy/v1", "networking.k8s.io/v1"}, apis...),
			"KubeVersion": object{
				"Version": "v" + version.String(), "Major": fmt.Sprint(version.Major()), "Minor": fmt.Sprint(version.Minor()),
			},
		},
	}
	return render(root, chart["name"].(string), context, *notes)
}

func render(root, chart string, context object, notes bool) error {
	set := template.New("").Option("missingkey=zero")
	set.Funcs(functions(set))
	var names []string
	err := filepath.Walk(filepath.Join(root, "templates"), func(path string, info os.FileInfo, err error) error {
		if err != nil || info.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		full := chart + "/" + filepath.ToSlash(relative)
		names = append(names, full)
		_, err = set.New(full).Parse(string(text))
		return err
	})
	if err != nil {
		return err
	}

	sort.Strings(names)
	var output bytes.Buffer
	var sources, texts []string
	// As Helm does: all is rendered before anything is read, so that a template that refuses is heard whatever the others made.
	for _, name := range names {
		base := filepath.Base(name)
		// Files that begin with an underscore only define; NOTES.txt is for people, and is rendered with all the others.
		if strings.HasPrefix(base, "_") {
			continue
		}
		context["Template"] = object{"Name": name, "BasePath": chart + "/templates"}
		var text bytes.Buffer
		if err := set.ExecuteTemplate(&text, name, context); err != nil {
			return err
		}
		if (base == "NOTES.txt") != notes {
			continue
		}
		// A value that is not there renders as nothing.
		sources, texts = append(sources, name), append(texts, strings.ReplaceAll(text.String(), "<no value>", ""))
	}
	for index, clean := range texts {
		if notes {
			output.WriteString(clean)
			continue
		}
		for _, document := range strings.Split("\n"+clean, "\n---") {
			if strings.TrimSpace(document) == "" {
				continue
			}
			var parsed interface{}
			if err := yaml.Unmarshal([]byte(document), &parsed); err != nil {
				return fmt.Errorf("%s renders what is no YAML: %w", sources[index], err)
			}
			if parsed != nil {
				fmt.Fprintf(&output, "---\n# Source: %s\n%s\n", sources[index], strings.Trim(document, "\n"))
			}
		}
	}
	_, err = os.Stdout.Write(output.Bytes())
	return err
}

func functions(set *template.Template) template.FuncMap {
	all := sprig.TxtFuncMap()
	// Helm takes these two away: a chart must not read the environment of whoever renders it.
	delete(all, "env")
	delete(all, "expandenv")
	execute := func(name string, data interface{}) (string, error) {
		var text bytes.Buffer
		err := set.ExecuteTemplate(&text, name, data)
		return text.String(), err
	}
	all["include"] = execute
	all["tpl"] = func(text string, data interface{}) (string, error) {
		clone, err := set.Clone()
		if err != nil {
			return "", err
		}
		parsed, err := clone.New("tpl").Parse(text)
		if err != nil {
			return "", err
		}
		var result bytes.Buffer
		err = parsed.Execute(&result, data)
		return strings.ReplaceAll(result.String(), "<no value>", ""), err
	}
	all["required"] = func(message string, value interface{}) (interface{}, error) {
		if value == nil || value == "" {
			return value, errors.New(message)
		}
		return value, nil
	}
	all["lookup"] = func(string, string, string, string) object { return object{} }
	all["toYaml"] = toYaml
	all["fromYaml"] = func(text string) object {
		parsed := object{}
		if err := yaml.Unmarshal([]byte(text), &parsed); err != nil {
			return object{"Error": err.Error()}
		}
		return parsed
	}
	all["fromJson"] = func(text string) object {
		parsed := object{}
		if err := json.Unmarshal([]byte(text), &parsed); err != nil {
			return object{"Error": err.Error()}
		}
		return parsed
	}
	return all
}

// Numbers become float64, as in Helm, which reads values by way of JSON: what forgets to say int shows here too.
func readObject(path string) (object, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	parsed := object{}
	if err := yaml.Unmarshal(text, &parsed); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	encoded, err := json.Marshal(parsed)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	result := object{}
	return result, json.Unmarshal(encoded, &result)
}

// Objects are merged, all else is replaced, and null takes a key away.
func merge(into, more object) {
	for key, value := range more {
		below, isObject := value.(object)
		existing, wasObject := into[key].(object)
		switch {
		case value == nil:
			delete(into, key)
		case isObject && wasObject:
			merge(existing, below)
		default:
			into[key] = value
		}
	}
}

func toYaml(value interface{}) (string, error) {
	var text bytes.Buffer
	encoder := yaml.NewEncoder(&text)
	encoder.SetIndent(2)
	if err := encoder.Encode(whole(value)); err != nil {
		return "", err
	}
	return strings.TrimSuffix(text.String(), "\n"), nil
}

// Whole numbers are written as such.
func whole(value interface{}) interface{} {
	switch typed := value.(type) {
	case object:
		result := object{}
		for key, below := range typed {
			result[key] = whole(below)
		}
		return result
	case []interface{}:
		result := make([]interface{}, len(typed))
		for index, below := range typed {
			result[index] = whole(below)
		}
		return result
	case float64:
		if typed == float64(int64(typed)) {
			return int64(typed)
		}
	}
	return value
}
