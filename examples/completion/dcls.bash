# bash completion of dcls. Options are read from the commands' own --help, so that none is listed here a second time;
# names of models, nodes and jobs are asked of the broker, which has a second to answer.

# Words that start like the one being typed.
_dcls_offer() {
    mapfile -t COMPREPLY < <(compgen -W "$1" -- "$2")
}

# _dcls_help PROGRAM COMMAND...: the options that its help names
_dcls_help() {
    "$@" --help 2>/dev/null | grep -o -E -e '--[a-z][a-z-]+' | sort -u
}

# _dcls_choices OPTION PROGRAM COMMAND...: what stands behind it in the help, as in "--optimizer adam|sgd"
_dcls_choices() {
    "${@:2}" --help 2>/dev/null | sed -n "s/^  $1 \([a-z|]*\)[A-Z]*  .*/\1/p" | tr '|' ' '
}

# _dcls_names PROGRAM LIST: the first column of a list of the broker's, as far as it is names: compgen expands its words
_dcls_names() {
    timeout 1 "$1" client "$2" 2>/dev/null | awk 'NR > 1 && $1 ~ /^[A-Za-z0-9._:-]+$/ { print $1 }'
}

_dcls() {
    local program=${COMP_WORDS[0]} word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
    local command=() i
    program=${program/#\~/$HOME}
    for ((i = 1; i < COMP_CWORD && ${#command[@]} < 2; i++)); do
        case ${COMP_WORDS[i]} in
        --api) i=$((i + 1)) ;;
        -*) ;;
        *) command+=("${COMP_WORDS[i]}") ;;
        esac
        [[ ${command[0]} == @(client|bench) ]] || [ ${#command[@]} -eq 0 ] || break
    done

    if [ ${#command[@]} -eq 0 ]; then
        _dcls_offer "broker node client bench --help --version" "$word"
        return
    fi
    case $before in
    --model) _dcls_offer "$(_dcls_names "$program" models)" "$word" && return ;;
    --node) _dcls_offer "$(_dcls_names "$program" nodes)" "$word" && return ;;
    --images | --state | --data-dir | --models-dir) mapfile -t COMPREPLY < <(compgen -d -- "$word") && return ;;
    --weights | --port-file | --output | -o) mapfile -t COMPREPLY < <(compgen -f -- "$word") && return ;;
    --format) _dcls_offer "pth safetensors onnx" "$word" && return ;;
    --optimizer | --augment | --backend)
        _dcls_offer "$(_dcls_choices "$before" "$program" "${command[@]}")" "$word" && return ;;
    esac
    if [[ $word == -* ]]; then
        _dcls_offer "$(_dcls_help "$program" "${command[@]}")" "$word"
        return
    fi
    case ${command[*]} in
    client) _dcls_offer "$("$program" client --help 2>/dev/null | sed -n 's/^  \([a-z]*\) .*/\1/p')" "$word" ;;
    bench) _dcls_offer "train infer" "$word" ;;
    "client train" | "bench train" | "bench infer")
        _dcls_offer "$("$program" bench --help 2>/dev/null | sed -n 's/.*TYPE: //p' | tr -d ,)" "$word"
        ;;
    "client infer") mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;
    "client watch" | "client cancel") _dcls_offer "$(_dcls_names "$program" jobs)" "$word" ;;
    "client report" | "client log" | "client export" | "client rm")
        _dcls_offer "$(_dcls_names "$program" models)" "$word"
        ;;
    esac
}

complete -o filenames -o bashdefault -F _dcls dcls
