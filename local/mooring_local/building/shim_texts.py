"""The programs in a bundle's `.mooring/bin`: what would be fetched at session start is there already.

Each is a short script of POSIX sh, as any sandbox has it; it starts no other process before the one it
becomes. What a bundle lacks ends with a line on stderr and the status 127, as a command that is not there.
"""

HEADER = """#!/bin/sh
# Written by Mooring: nothing is fetched at session start.
here=${0%/*}
top=${here%/.mooring/bin}
"""

_LACKS = """
lacks() {
  echo "${0##*/}: $1 is not in this bundle, and nothing is fetched at session start; \
have the release's example configuration ask for it, or make it a dependency" >&2
  exit 127
}
"""

# Of a command line `npx [options] name[@version] arguments`.
_BARE_NPM = """
case $asked in
  @*/*@*) bare=${asked%@*} ;;
  @*) bare=$asked ;;
  *@*) bare=${asked%@*} ;;
  *) bare=$asked ;;
esac
case $bare in */*) key=${bare%%/*}+${bare#*/} ;; *) key=$bare ;; esac
"""

_RUN_NPM = (
    _BARE_NPM
    + """
[ -x "$here/../npx/$key" ] && exec "$here/../npx/$key" "$@"
place=$PWD
while :; do
  [ -x "$place/node_modules/.bin/$bare" ] && exec "$place/node_modules/.bin/$bare" "$@"
  [ -n "$place" ] || break
  place=${place%/*}
done
case $bare in */*) ;; *) [ -x "$here/$bare" ] && exec "$here/$bare" "$@" ;; esac
lacks "$asked"
"""
)

NPX = (
    HEADER
    + _LACKS
    + """
package=
while [ $# -gt 0 ]; do
  case $1 in
    -p|--package) package=$2; shift ;;
    --package=*) package=${1#*=} ;;
    -c|--call) shift; PATH="$PWD/node_modules/.bin:$PATH"; export PATH; exec sh -c "$1" ;;
    -w|--workspace|--registry|--prefix|--cache|--userconfig|--loglevel) shift ;;
    --) shift; break ;;
    -*) ;;
    *) break ;;
  esac
  shift
done
[ $# -gt 0 ] || set -- "$package"
[ -n "$1" ] || { echo "${0##*/}: names no package" >&2; exit 127; }
asked=$1; shift
"""
    + _RUN_NPM
)

# npm, pnpm, yarn and bun, as far as they run scripts.
SCRIPTS = (
    HEADER
    + _LACKS
    + """
program=${0##*/}
while [ $# -gt 0 ]; do
  case $1 in
    --prefix|-C|--dir|--cwd) cd "$2" || exit 1; shift ;;
    --prefix=*|--dir=*|--cwd=*) cd "${1#*=}" || exit 1 ;;
    --loglevel|--filter|-F|-w|--workspace) shift ;;
    -*) ;;
    *) break ;;
  esac
  shift
done
verb=${1:-start}
[ $# -gt 0 ] && shift
case $verb in
  run|run-script|rum|urn)
    while [ $# -gt 0 ]; do
      case $1 in --prefix) cd "$2" || exit 1; shift 2 ;; -*) shift ;; *) break ;; esac
    done
    name=${1:-}; [ $# -gt 0 ] && shift ;;
  exec|x|dlx) exec "$here/npx" "$@" ;;
  install|i|ci|add|rebuild|prune) exit 0 ;;
  node) exec node "$@" ;;
  *) name=$verb ;;
esac
[ "$program" = npm ] && while [ $# -gt 0 ]; do
  case $1 in --silent|-s) shift ;; --) shift; break ;; *) break ;; esac
done
place=$PWD
while [ "$place" != "$top" ] && [ -n "$place" ] && [ ! -f "$place/package.json" ]; do place=${place%/*}; done
script="$here/../scripts/.${place#"$top"}/$name"
[ -f "$script" ] && [ -x "$script" ] && exec "$script" "$@"
if [ -n "$name" ] && [ -x "$place/node_modules/.bin/$name" ] && [ "$program" != npm ]; then
  exec "$place/node_modules/.bin/$name" "$@"
fi
lacks "the script ${name:-that is meant}"
"""
)

_BARE_PYPI = """
bare=${asked%%[=\\<\\>@!~\\;\\ []*}
"""

UVX = (
    HEADER
    + _LACKS
    + """
from=
[ "${0##*/}" = pipx ] && [ "${1:-}" = run ] && shift
while [ $# -gt 0 ]; do
  case $1 in
    --from|--spec) from=$2; shift ;;
    --from=*|--spec=*) from=${1#*=} ;;
    VALUES) shift ;;
    --) shift; break ;;
    -*) ;;
    *) break ;;
  esac
  shift
done
asked=${1:-}
[ -n "$asked" ] || { echo "${0##*/}: names no package" >&2; exit 127; }
shift
"""
    + _BARE_PYPI
    + """
[ -z "$from" ] && [ -x "$here/../uvx/$bare" ] && exec "$here/../uvx/$bare" "$@"
[ -n "$bare" ] && [ -x "$here/$bare" ] && exec "$here/$bare" "$@"
lacks "$asked"
"""
)

# uv, poetry, pdm, pipenv, hatch and rye, as far as they run something in the project's environment.
RUN = (
    HEADER
    + _LACKS
    + """
while [ $# -gt 0 ]; do
  case $1 in
    --directory|--project|-C|-p) cd "$2" || exit 1; shift ;;
    --directory=*|--project=*) cd "${1#*=}" || exit 1 ;;
    VALUES) shift ;;
    -*) ;;
    *) break ;;
  esac
  shift
done
case ${1:-} in
  run) shift ;;
  tool|x) shift; [ "${1:-}" = run ] && shift; exec "$here/uvx" "$@" ;;
  sync|lock|install|venv|pip) exit 0 ;;
  *) lacks "${0##*/} ${1:-}" ;;
esac
is_module=
while [ $# -gt 0 ]; do
  case $1 in
    --directory|--project) cd "$2" || exit 1; shift ;;
    --directory=*|--project=*) cd "${1#*=}" || exit 1 ;;
    -m|--module) is_module=1; shift; break ;;
    -s|--script) ;;
    VALUES) shift ;;
    --) shift; break ;;
    -*) ;;
    *) break ;;
  esac
  shift
done
PYTHONPATH="${PYTHONPATH:+$PYTHONPATH:}$top/.mooring/python"; export PYTHONPATH
[ -n "$is_module" ] && exec python -m "$@"
target=${1:-}
[ -n "$target" ] || { echo "${0##*/}: names nothing to run" >&2; exit 127; }
case $target in
  python|python3|python3.*) shift; exec python "$@" ;;
  *.py) exec python "$@" ;;
esac
shift
case $target in
  */*) [ -f "$target" ] && [ -x "$target" ] && exec "$target" "$@" ;;
  *) [ -x "$here/$target" ] && exec "$here/$target" "$@"
     command -v "$target" >/dev/null 2>&1 && exec "$target" "$@" ;;
esac
[ -e "$target" ] && exec python "$target" "$@"
lacks "$target"
"""
)
