# The command's words so far, without options: is it `image` (at), or a whole `image ls` (in)?
function __rctr_spoken
    set -l words (commandline -opc)
    set -e words[1]
    string match -v -- '-*' $words
end
function __rctr_at
    test (string join ' ' -- (__rctr_spoken)) = "$argv[1]"
end
function __rctr_in
    string match -q -- "$argv[1] *" (string join ' ' -- (__rctr_spoken))" "
end
function __rctr_images
    rctr images --noheading --format '{{.Repository}}:{{.Tag}}' 2>/dev/null
end
function __rctr_containers
    rctr ps -a --noheading --format '{{.Names}}' 2>/dev/null
end
function __rctr_volumes
    rctr volume ls -q 2>/dev/null
end
complete -c rctr -l help -d 'Explain the command'
