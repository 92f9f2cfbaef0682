#!/usr/bin/env bats
bats_require_minimum_version 1.5.0
# inspect: docker's document of an image, whole and through templates.
load common
load image

config='{"Env":["PATH=/bin","A=1"],"Cmd":["sh","-c"],"Labels":{"a.b":"x"},"User":"me","WorkingDir":"/w","ExposedPorts":{"80/tcp":{}}}'

@test "the document has docker's shape" {
    image_load quay.io/x/tool:v1 hello "$config"
    rctr inspect --type image quay.io/x/tool:v1 >doc
    is "$(jq -r length doc)" 1
    is "$(jq -r '.[0].RepoTags[0]' doc)" quay.io/x/tool:v1
    has "$(jq -r '.[0].RepoDigests[0]' doc)" quay.io/x/tool@sha256:
    is "$(jq -r '.[0].Config.Env[1]' doc)" A=1
    is "$(jq -r '.[0].Config.User + .[0].Config.WorkingDir' doc)" me/w
    is "$(jq -r '.[0].RootFS.Type' doc)" layers
    is "$(jq -r '.[0].RootFS.Layers | length' doc)" 1
    is "$(jq -r '.[0].Os' doc)" linux
    is "$(jq -r '.[0].Size' doc)" 6
    is "$(jq -r '.[0].Id' doc)" "$(rctr images -q --no-trunc)"
    is "$(rctr image inspect quay.io/x/tool:v1)" "$(cat doc)"
}

@test "every member of docker's document is there, whatever the image left out" {
    image_load tool hello
    rctr image inspect tool >doc
    for key in Id RepoTags RepoDigests Parent Comment Created Container DockerVersion Author Config Architecture Os \
        Size VirtualSize GraphDriver RootFS Metadata Annotations Digest History ManifestType User Version Labels; do
        is "$key $(jq ".[0]|has(\"$key\")" doc)" "$key true"
    done
    for key in Hostname Domainname User AttachStdin AttachStdout AttachStderr Tty OpenStdin StdinOnce Env Cmd Image \
        Volumes WorkingDir Entrypoint OnBuild Labels; do
        is "$key $(jq ".[0].Config|has(\"$key\")" doc)" "$key true"
    done
    is "$(rctr image inspect -f '{{.Config.Tty}} {{.DockerVersion}}{{.Author}}' tool)" "false "
}

@test "what the image says of itself, where its layers are, and when it got its name" {
    OCI_MORE='{"author":"me","docker_version":"20.10","comment":"why","os.version":"10.0"}' image_stack tool '{}' one two
    is "$(rctr image inspect -f '{{.Author}} {{.DockerVersion}} {{.Comment}} {{.OsVersion}}' tool)" "me 20.10 why 10.0"
    upper=$(rctr image inspect -f '{{.GraphDriver.Data.UpperDir}}' tool)
    lower=$(rctr image inspect -f '{{.GraphDriver.Data.LowerDir}}' tool)
    is "$(cat "$upper/layer-1/two")$(cat "$lower/layer-0/one")" twoone
    first=$(rctr image inspect -f '{{.Metadata.LastTagTime}}' tool)
    is "${first:0:4}" "$(date -u +%Y)"
    rctr tag tool other
    [[ $(rctr image inspect -f '{{.Metadata.LastTagTime}}' tool) > $first ]]
    rctr untag tool
    is "$(rctr image inspect -f '{{.Metadata.LastTagTime}}' "$(rctr images -q)")" 0001-01-01T00:00:00Z
}

@test "templates reach every field" {
    image_load tool hello "$config"
    is "$(rctr inspect -f '{{json .Config.Env}}' tool)" '["PATH=/bin","A=1"]'
    is "$(rctr inspect -f '{{.Config.Cmd}}' tool)" "[sh -c]"
    is "$(rctr inspect -f '{{index .Config.Labels "a.b"}}' tool)" x
    is "$(rctr inspect -f '{{range .Config.Env}}{{.}};{{end}}' tool)" "PATH=/bin;A=1;"
    is "$(rctr inspect -f '{{if .Config.Healthcheck}}yes{{else}}no{{end}}' tool)" no
    is "$(rctr inspect -f '{{.Config.StopSignal}}' tool)" ""
    is "$(rctr inspect -f '{{.Config.Labels.none}}' tool)" "<no value>"
    fails_with 125 'there is no field "Evn"; did you mean "Env"?' rctr inspect -f '{{.Config.Evn}}' tool
}

@test "what is found is printed, what is not is the failure" {
    image_load tool hello
    fails_with 125 'no such object: "nix"' rctr inspect -f '{{.Os}}' tool nix
    is "$(cat stdout)" linux
    fails_with 125 "nix: image not known" rctr image inspect nix
    is "$(cat stdout)" "[]"
    fails_with 125 "no such container" rctr container inspect nix
    fails_with 125 "'imgae' is none of" rctr inspect --type imgae tool
}

@test "options may stand behind the names, until --" {
    image_load tool hello
    is "$(rctr inspect tool --format '{{.Os}}')" linux
    is "$(rctr inspect tool -f '{{.Os}}' tool --type=image)" "linux
linux"
    fails_with 125 'no such object: "-f"' rctr inspect -f '{{.Os}}' tool -- -f
    is "$(cat stdout)" linux
}

@test "letters that a terminal would obey are escaped" {
    image_load tool hello '{"Labels":{"x":"\u001b[31mred"}}'
    has "$(rctr inspect tool)" '\u001B[31mred'
    ! rctr images --format 'table {{.Labels}}' | grep -q $'\033'
}
