# Reads the output of a failed `dotnet restore`. If nothing is wrong but that the package source lacks packages of the Orleans
# half, it prints them with their error codes and exits 0; anything else, and also an output without any error, exits 1.
#
# The names are a list, not a pattern: a misspelt name must fail the build instead of leaving half of the product out quietly.
BEGIN {
  names = "Microsoft.Orleans.Sdk Microsoft.Orleans.Server Microsoft.Orleans.Client Microsoft.Orleans.Clustering.Redis" \
    " Microsoft.Orleans.Connections.Security Microsoft.Orleans.TestingHost Microsoft.Orleans.Dashboard StackExchange.Redis" \
    " Microsoft.Orleans.Analyzers Microsoft.Orleans.CodeGenerator Microsoft.Orleans.Core Microsoft.Orleans.Core.Abstractions" \
    " Microsoft.Orleans.Persistence.Memory Microsoft.Orleans.Reminders Microsoft.Orleans.Runtime Microsoft.Orleans.Serialization" \
    " Microsoft.Orleans.Serialization.Abstractions Microsoft.Orleans.Streaming Microsoft.Orleans.Transactions" \
    " Pipelines.Sockets.Unofficial"
  count = split(names, list, " ")
  for (i = 1; i <= count; i++) known[tolower(list[i])] = 1
}

{ sub(/\r$/, "") }

/(^|[^A-Za-z0-9_.])error([ :]|$)/ {
  if (!match($0, /error NU110[123]: /)) { other = 1; next }
  code = substr($0, RSTART + 6, 6)
  text = substr($0, RSTART + RLENGTH)

  # The second and later lines of one error repeat its head: "  - Found 1 version(s) in local [ Nearest version: 1.0.0 ]".
  if (text ~ /^ +- Found [0-9]+ version/) next
  if (!match(text, /^Unable to find (a stable )?package /)) { other = 1; next }
  name = substr(text, RLENGTH + 1)
  sub(/ .*/, "", name)
  sub(/\.$/, "", name)
  if (!(tolower(name) in known)) { other = 1; next }
  entry = name " (" code ")"
  if (!(entry in seen)) { seen[entry] = 1; missing = missing (missing == "" ? "" : ", ") entry }
}

END {
  if (other || missing == "") exit 1
  print missing
}
