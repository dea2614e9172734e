# Reads one trx file of `dotnet test` and prints its tests, one line each, fields separated by tabs:
#   passed
#   skipped <name> <reason>
#   failed <name> <message, its lines separated by the character 1>
#   aborted <what the test host said>
#   total <number of results the summary counts>
# A record is what follows a "<": an element's name, its attributes, ">" and its text.
BEGIN { RS = "<" }

function attribute(name,    at, value) {
  at = index($0, " " name "=\"")
  if (at == 0) return ""
  value = substr($0, at + length(name) + 3)
  return unescape(substr(value, 1, index(value, "\"") - 1))
}

function content() { return unescape(substr($0, index($0, ">") + 1)) }

function unescape(text) {
  gsub(/&#x[dD];/, "", text)
  gsub(/&#x[aA];/, "\n", text)
  gsub(/&#x9;/, " ", text)
  gsub(/&lt;/, "<", text)
  gsub(/&gt;/, ">", text)
  gsub(/&quot;/, "\"", text)
  gsub(/&apos;/, "'", text)
  gsub(/&amp;/, "\\&", text)
  return text
}

function flat(text, separator) {
  gsub(/\r/, "", text)
  gsub(/\t/, " ", text)
  gsub(/^\n+|\n+$/, "", text)
  gsub(/\n/, separator, text)
  return text
}

function emit() {
  if (!open) return
  open = 0
  if (outcome == "Passed") print "passed"
  else if (outcome == "NotExecuted") print "skipped\t" flat(test, " ") "\t" flat(message, " ")
  else print "failed\t" flat(test, " ") "\t" flat(message == "" ? "outcome: " outcome : message, "\001")
}

/^UnitTestResult[ \n]/ { emit(); open = 1; test = attribute("testName"); outcome = attribute("outcome"); message = "" }
/^\/UnitTestResult>/ { emit() }
/^\/Results>/ { emit() }
/^Message>/ { if (open) message = content() }
/^StackTrace>/ { if (open && outcome != "NotExecuted") { split(content(), frames, "\n"); message = message "\n" frames[1] } }
/^Counters / { print "total\t" attribute("total") }
/^Text>/ { if ($0 ~ /test run was aborted|Test host process crashed|hang timeout|Test Run Aborted/) print "aborted\t" flat(substr(content(), 1, 600), "\001") }
END { emit() }
