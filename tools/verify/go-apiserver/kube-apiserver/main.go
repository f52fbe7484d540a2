// Command kube-apiserver is Kubernetes' own, which is made to be built inside its repository only: outside of it, go.mod has to say where
// the modules are that the repository replaces by its staging directories.
package main

import (
	"os"

	"k8s.io/component-base/cli"
	_ "k8s.io/component-base/logs/json/register"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
)

func main() { os.Exit(cli.Run(app.NewAPIServerCommand())) }
