# Shared by ./run, ./test and .ci/run: sourced, never run. Bash 3.2 and up, so that it also works on macOS.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)

# One configuration everywhere: what ./test has built, ./run starts without building it again.
CONFIGURATION=Release
FRAMEWORK=net10.0

# Outputs are read by these scripts, so they must be English; and no build server may stay behind.
export DOTNET_CLI_UI_LANGUAGE=en DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_CLI_WORKLOAD_UPDATE_NOTIFY_DISABLE=1
export MSBUILDDISABLENODEREUSE=1 DOTNET_CLI_USE_MSBUILD_SERVER=0 UseSharedCompilation=false MSBUILDTERMINALLOGGER=off

# A service or a container may start us without HOME; dotnet needs one.
if [ -z "${HOME:-}" ]; then export HOME=~; fi

# Says in one line what is wrong with the SDK, if anything; 1 when it cannot be used.
check_sdk() {
  local version installed
  local hint='install the .NET 10 SDK (https://dotnet.microsoft.com/download/dotnet/10.0)'
  if ! command -v dotnet >/dev/null 2>&1; then
    echo "The .NET SDK was not found (no dotnet on the PATH): $hint."
    return 1
  fi
  version=$(cd "$ROOT" && dotnet --version 2>/dev/null </dev/null) || version=
  case "${version%%.*}" in
    '' | *[!0-9]*)
      installed=$(dotnet --list-sdks 2>/dev/null </dev/null | awk '{ printf "%s%s", sep, $1; sep = ", " }')
      echo "No .NET SDK of version 10 or later was found (installed: ${installed:-none}): $hint."
      return 1
      ;;
  esac
  if [ "${version%%.*}" -lt 10 ]; then
    echo "The .NET SDK here is $version, and version 10 or later is needed: $hint."
    return 1
  fi
}

# The projects of Orleans.sln, or those that Standalone.slnf names: paths with slashes, one a line.
projects_of() {
  grep -o '"[^"]*\.csproj"' "$ROOT/$1" | tr -d '"' | tr -s '\\' '/'
}

# The projects that only the whole product has, by name, one a line.
orleans_half() {
  projects_of Orleans.sln | grep -v -x -F "$(projects_of Standalone.slnf)" | sed -e 's|.*/||' -e 's|\.csproj$||'
}

# Prints what a failed restore or build says is wrong, each error once and without this machine's paths.
print_errors() {
  if grep -q -E 'error( [A-Z]+[0-9]+)? ?:' "$1"; then
    grep -E 'error( [A-Z]+[0-9]+)? ?:' "$1" | sed -e 's| \[/[^][]*\]$||' -e "s|$ROOT/||g" | awk '!seen[$0]++'
  else
    tail -n 30 "$1"
  fi
}

# Restores the whole product, or, where the package source lacks Orleans or Redis packages and nothing else is wrong, the half
# that needs none. $1: a file for the output. Sets SOLUTION and LEFT_OUT (names, one a line); 1 on any other error.
restore() {
  local missing
  SOLUTION=Orleans.sln
  LEFT_OUT=
  if (cd "$ROOT" && dotnet restore "$SOLUTION" -v quiet --nologo) >"$1" 2>&1 </dev/null; then return 0; fi

  if ! missing=$(awk -f "$ROOT/.ci/missing-packages.awk" "$1"); then
    echo 'Restoring the packages failed:'
    print_errors "$1"
    return 1
  fi

  LEFT_OUT=$(orleans_half)
  echo "Orleans half left out: the package source does not have $missing; projects left out: $(echo "$LEFT_OUT" | awk '{ printf "%s%s", sep, $0; sep = ", " }')"
  SOLUTION=Standalone.slnf
  if (cd "$ROOT" && dotnet restore "$SOLUTION" -v quiet --nologo) >"$1" 2>&1 </dev/null; then return 0; fi
  echo 'Restoring the packages failed:'
  print_errors "$1"
  return 1
}

# Builds what restore has restored. $1: a file for the output, $2: a project or solution, the rest: more arguments for dotnet build.
# One compiler serves all its projects, which takes a third off the time; it has a name of our own, so that it can be ended and no other is.
build() {
  local log=$1 what=$2 result=0
  shift 2
  COMPILER=noslatefleet-$$
  (cd "$ROOT" && dotnet build "$what" -c "$CONFIGURATION" --no-restore -v quiet --nologo -p:UseSharedCompilation=true \
    "-p:SharedCompilationId=$COMPILER" "$@") >"$log" 2>&1 </dev/null || result=1
  end_compiler
  if [ "$result" -eq 0 ]; then return 0; fi
  echo 'The build failed:'
  print_errors "$log"
  return 1
}

# Ends the compiler of a build, if there is one; whoever is interrupted while it builds has to call this.
COMPILER=
end_compiler() {
  local version home
  if [ -z "$COMPILER" ]; then return; fi
  version=$(cd "$ROOT" && dotnet --version 2>/dev/null </dev/null)
  home=$(dotnet --list-sdks 2>/dev/null </dev/null | awk -v version="$version" '$1 == version { sub(/^[^[]*\[/, ""); sub(/\]$/, ""); print; exit }')
  dotnet exec "$home/$version/Roslyn/bincore/VBCSCompiler.dll" -shutdown "-pipename:$COMPILER" >/dev/null 2>&1 </dev/null
  COMPILER=
}

# Runs a step of the calling script, and shows what it said only when it fails. $1: the step, the rest: the command.
quietly() {
  local output
  if ! output=$("${@:2}" 2>&1); then
    printf '%s\n' "$output" >&2
    echo "$(basename "$0"): $1 failed" >&2
    exit 1
  fi
}
