"""The command ``completion``: scripts with which a shell completes commands, options and their choices."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aios3.cli._commands import COMMANDS
from aios3.cli._describing import arguments_of, options_of
from aios3.cli._parsing import first_parser, parser_of

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Iterator

    from aios3.cli._app import App
    from aios3.cli._describing import Option

_BASH = """\
# Completion of aios3 in bash, written by: aios3 completion bash
_aios3() {
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}
    local command='' options='' valued='' choices='' word
    local -i index arguments=0 depth=0
    _aios3_command ''
    COMPREPLY=()
    for ((index = 1; index < COMP_CWORD; index++)); do
        word=${COMP_WORDS[index]}
        if [[ $word == -* ]]; then
            [[ $valued == *" $word "* ]] && ((index++))
        elif ((depth)); then
            ((arguments++))
        else
            command+=${command:+ }$word
            _aios3_command "$command"
        fi
    done
    if [[ $valued == *" $previous "* ]]; then
        _aios3_choices "$command $previous"
        [[ -z $choices ]] && return
    elif [[ $current == -* ]]; then
        choices=$options
    elif ((depth && arguments)); then
        return
    fi
    COMPREPLY=($(compgen -W "$choices" -- "$current"))
}

# Sets what follows a command: its options, those that take a value, and the choices of its first argument.
# "depth" is 1 once no further word belongs to the name of the command.
_aios3_command() {
    case $1 in
@COMMANDS@
    *) options='' valued='' choices='' depth=1 ;;
    esac
}

_aios3_choices() {
    choices=''
    case $1 in
@CHOICES@
    esac
}

complete -o bashdefault -o default -F _aios3 aios3
"""

_ZSH = """\
#compdef aios3
# Completion of aios3 in zsh, written by: aios3 completion zsh
_aios3() {
    local command='' word current=${words[CURRENT]} previous=${words[CURRENT-1]}
    local -a options choices
    local valued=''
    integer index arguments=0 depth=0
    _aios3_command ''
    for ((index = 2; index < CURRENT; index++)); do
        word=${words[index]}
        if [[ $word == -* ]]; then
            [[ $valued == *" $word "* ]] && ((index++))
        elif ((depth)); then
            ((arguments++))
        else
            command+=${command:+ }$word
            _aios3_command $command
        fi
    done
    if [[ $valued == *" $previous "* ]]; then
        _aios3_choices "$command $previous"
    elif [[ $current == -* ]]; then
        _describe option options
        return
    elif ((depth && arguments)); then
        choices=()
    fi
    if (($#choices)); then
        _describe choice choices
    else
        _files
    fi
}

_aios3_command() {
    case $1 in
@COMMANDS@
    (*) options=() valued='' choices=() depth=1 ;;
    esac
}

_aios3_choices() {
    choices=()
    case $1 in
@CHOICES@
    esac
}

if [[ $funcstack[1] == _aios3 ]]; then
    _aios3 "$@"
else
    compdef _aios3 aios3
fi
"""

_FISH = """\
# Completion of aios3 in fish, written by: aios3 completion fish
# True if the words before the cursor, without options and their values, are $argv[1], or begin with it ("any").
function __aios3_at
    set -l valued @VALUED@
    set -l words
    set -l skip 0
    for word in (commandline -opc)[2..-1]
        if test $skip = 1
            set skip 0
        else if string match -q -- '-*' $word
            contains -- $word $valued; and set skip 1
        else
            set -a words $word
        end
    end
    set -l wanted (string split -n ' ' -- $argv[1])
    set -l length (count $wanted)
    test (count $words) -ge $length; or return 1
    test $length = 0; or test "$words[1..$length]" = "$wanted"; or return 1
    test "$argv[2]" = any; or test (count $words) = $length
end
complete -c aios3 -f -n '__aios3_at ""'
"""


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", choices=list(_SCRIPTS), help="the shell that runs the script")


async def _completion(app: App, options: argparse.Namespace) -> None:
    script = _SCRIPTS[options.shell]()
    app.output.result({"shell": options.shell, "script": script}, *script.splitlines())


def _names() -> list[str]:
    """Return the beginnings of commands' names: nothing, the first words of those with two, and all whole names."""
    groups = {name.partition(" ")[0] for name in COMMANDS if " " in name}
    return ["", *sorted(groups), *COMMANDS]


def _next_words(name: str) -> dict[str, str]:
    """Return the words that may follow the beginning of a name, with what they mean."""
    words: dict[str, str] = {}
    for each, command in COMMANDS.items():
        if each.startswith(f"{name} " if name else ""):
            word, _, more = each.removeprefix(name).lstrip().partition(" ")
            words.setdefault(word, f"{word} ..." if more else command.summary)
    return words


def _options(name: str) -> list[Option]:
    if name in COMMANDS:
        return list(options_of(parser_of(COMMANDS[name])))
    return list(options_of(first_parser()))


def _choices(name: str) -> dict[str, str]:
    """Return the words that may stand first after ``name``: of a command, choices of its first argument."""
    if name not in COMMANDS:
        return _next_words(name)
    first = next(arguments_of(parser_of(COMMANDS[name])), None)
    return dict.fromkeys(first.choices, "") if first is not None else {}


def _option_choices() -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield each command with an option that has choices, and those choices."""
    for name in _names():
        for option in _options(name):
            for spelling in option.names:
                if option.choices:
                    yield f"{name} {spelling}", option.choices


def _valued(options: Iterable[Option]) -> str:
    names = [name for option in options if option.metavar is not None for name in option.names]
    return f" {' '.join(names)} " if names else ""


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def _bash() -> str:
    commands = []
    for name in _names():
        options = _options(name)
        names = " ".join(spelling for option in options for spelling in option.names)
        words = (
            f"options={_quoted(names)} valued={_quoted(_valued(options))} choices={_quoted(' '.join(_choices(name)))}"
        )
        commands.append(f"    {_quoted(name)}) {words} depth={int(name in COMMANDS)} ;;")
    choices = [f"    {_quoted(name)}) choices={_quoted(' '.join(words))} ;;" for name, words in _option_choices()]
    return _BASH.replace("@COMMANDS@", "\n".join(commands)).replace("@CHOICES@", "\n".join(choices))


def _zsh() -> str:
    commands = []
    for name in _names():
        options = _options(name)
        names = _described({spelling: option.help for option in options for spelling in option.names})
        words = f"options=({names}) valued={_quoted(_valued(options))} choices=({_described(_choices(name))})"
        commands.append(f"    ({_quoted(name)}) {words} depth={int(name in COMMANDS)} ;;")
    choices = [
        f"    ({_quoted(name)}) choices=({' '.join(map(_quoted, words))}) ;;" for name, words in _option_choices()
    ]
    return _ZSH.replace("@COMMANDS@", "\n".join(commands)).replace("@CHOICES@", "\n".join(choices))


def _described(words: dict[str, str]) -> str:
    """Return words and what they mean as zsh's ``_describe`` takes them."""
    texts = ((word.replace(":", r"\:"), text.replace(":", r"\:")) for word, text in words.items())
    return " ".join(_quoted(f"{word}:{text}" if text else word) for word, text in texts)


def _fish() -> str:
    every = [option for name in _names() for option in _options(name)]
    lines = [_FISH.replace("@VALUED@", " ".join(dict.fromkeys(_valued(every).split())))]
    for name in _names():
        condition = f"-n {_fish_quoted(f'__aios3_at {_fish_quoted(name)}')}"
        lines += [
            f"complete -c aios3 -f {condition} -a {_fish_quoted(word)} -d {_fish_quoted(text)}"
            for word, text in _choices(name).items()
        ]
        if name in COMMANDS:  # its options may stand after arguments as well
            condition = f"-n {_fish_quoted(f'__aios3_at {_fish_quoted(name)} any')}"
        lines += [f"complete -c aios3 {condition} {_fish_option(option)}" for option in _options(name)]
    return "\n".join(lines) + "\n"


def _fish_option(option: Option) -> str:
    names = [f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}" for name in option.names]
    value = f" -x -a {_fish_quoted(' '.join(option.choices))}" if option.choices else " -r" if option.metavar else ""
    return f"{' '.join(names)}{value} -d {_fish_quoted(option.help)}"


def _fish_quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


_SCRIPTS = {"bash": _bash, "zsh": _zsh, "fish": _fish}
ARGUMENTS = {"completion": _arguments}
RUN = {"completion": _completion}
