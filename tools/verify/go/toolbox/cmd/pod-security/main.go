// Command pod-security holds every pod of rendered manifests against a level of the Pod Security Standards, by the very checks
// that Kubernetes' own admission plugin runs (k8s.io/pod-security-admission/policy).
//
// Usage: pod-security -level restricted -versions v1.30,v1.31 file.yaml …
//
// It prints one line for each refusal, "file: Kind/name (version): reason: detail", then how many pods it saw, and exits with 1 when
// there was a refusal, with 2 when it could not read what it was given.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
)

type pod struct {
	name string
	meta metav1.ObjectMeta
	spec corev1.PodSpec
}

func main() {
	level := flag.String("level", "restricted", "privileged, baseline or restricted")
	versions := flag.String("versions", "latest", "Kubernetes versions (v1.30), separated by commas")
	flag.Parse()
	refused, seen, err := check(*level, strings.Split(*versions, ","), flag.Args())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	for _, line := range refused {
		fmt.Println(line)
	}
	fmt.Printf("%d pods\n", seen)
	if len(refused) > 0 {
		os.Exit(1)
	}
}

func check(level string, versions []string, files []string) (refused []string, seen int, err error) {
	wanted, err := api.ParseLevel(level)
	if err != nil {
		return nil, 0, err
	}
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		return nil, 0, err
	}
	for _, file := range files {
		pods, err := podsOf(file)
		if err != nil {
			return nil, 0, fmt.Errorf("%s: %w", file, err)
		}
		seen += len(pods)
		for _, text := range versions {
			version, err := api.ParseVersion(text)
			if err != nil {
				return nil, 0, err
			}
			for _, found := range pods {
				results := evaluator.EvaluatePod(api.LevelVersion{Level: wanted, Version: version}, &found.meta, &found.spec)
				if verdict := policy.AggregateCheckResults(results); !verdict.Allowed {
					refused = append(refused, fmt.Sprintf("%s: %s (%s): %s: %s", file, found.name, text, verdict.ForbiddenReason(), verdict.ForbiddenDetail()))
				}
			}
		}
	}
	return refused, seen, nil
}

func podsOf(file string) ([]pod, error) {
	source, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer source.Close()
	var pods []pod
	decoder := yaml.NewYAMLOrJSONDecoder(source, 4096)
	for {
		var document map[string]any
		if err := decoder.Decode(&document); err != nil {
			if errors.Is(err, io.EOF) {
				return pods, nil
			}
			return nil, err
		}
		found, err := podIn(document)
		if err != nil {
			return nil, err
		}
		if found != nil {
			pods = append(pods, *found)
		}
	}
}

// podIn returns what the document runs, or nil when it runs nothing.
func podIn(document map[string]any) (*pod, error) {
	kind, _ := document["kind"].(string)
	convert := runtime.DefaultUnstructuredConverter
	var meta metav1.ObjectMeta
	var template corev1.PodTemplateSpec
	var err error
	switch kind {
	case "Pod":
		var object corev1.Pod
		err = convert.FromUnstructured(document, &object)
		meta, template = object.ObjectMeta, corev1.PodTemplateSpec{ObjectMeta: object.ObjectMeta, Spec: object.Spec}
	case "Deployment":
		var object appsv1.Deployment
		err = convert.FromUnstructured(document, &object)
		meta, template = object.ObjectMeta, object.Spec.Template
	case "StatefulSet":
		var object appsv1.StatefulSet
		err = convert.FromUnstructured(document, &object)
		meta, template = object.ObjectMeta, object.Spec.Template
	case "DaemonSet":
		var object appsv1.DaemonSet
		err = convert.FromUnstructured(document, &object)
		meta, template = object.ObjectMeta, object.Spec.Template
	case "Job":
		var object batchv1.Job
		err = convert.FromUnstructured(document, &object)
		meta, template = object.ObjectMeta, object.Spec.Template
	case "CronJob":
		var object batchv1.CronJob
		err = convert.FromUnstructured(document, &object)
		meta, template = object.ObjectMeta, object.Spec.JobTemplate.Spec.Template
	default:
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", kind, err)
	}
	return &pod{name: kind + "/" + meta.Name, meta: template.ObjectMeta, spec: template.Spec}, nil
}
