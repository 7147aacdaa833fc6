# Turns the output of `nm -n` (addresses, types, names; demangled) into an assembly table: see kernel/Boot/Symbols.swift.
BEGIN { count = 0; text = "" }
$3 == "martlet_text_start" { start = $1 }
$2 == "t" || $2 == "T" {
  name = $3
  for (i = 4; i <= NF; i++) name = name " " $i
  gsub(/["`\\]/, "", name)
  if (length(name) > 90) name = substr(name, 1, 87) "..."
  if (name ~ /^stub_/ || name == "") next
  if ($1 == last) next
  last = $1
  address[count] = $1
  names[count] = name
  count++
}
END {
  print "section .martlet_symbols progbits alloc noexec nowrite align=8"
  print "global martlet_symbols"
  print "extern martlet_text_start"
  print "martlet_symbols:"
  print "dd " count
  offset = 0
  for (i = 0; i < count; i++) {
    printf "dd 0x%s - 0x%s, %d, %d\n", substr(address[i], 9), substr(start, 9), offset, length(names[i])
    offset += length(names[i])
  }
  for (i = 0; i < count; i++) print "db \"" names[i] "\""
}
