# Turns the output of `llvm-readelf -r` of an image linked with --emit-relocs into the list of the addresses in it that move with it, as
# kernel/Processor/asm/boot.asm reads it: the distance to the next one, as a byte or as 255 and four bytes, in the order of memory; 0 at the end.
# The input is sorted by place. Places and values below KERNEL_BASE belong to the boot section, which is not moved.
function hexadecimal(text,    value, i) {
  value = 0
  for (i = 1; i <= length(text); i++) value = value * 16 + index("0123456789abcdef", substr(text, i, 1)) - 1
  return value
}
BEGIN {
  print "section .martlet_relocations progbits alloc noexec write align=8"
  last = 0
}
$3 == "R_X86_64_64" && $1 ~ /^00007f8/ && $4 ~ /^00007f8/ {
  place = hexadecimal(substr($1, 8))
  distance = place - last
  if (distance < 8) { print "%error two addresses overlap"; exit }
  if (distance < 255) print "db " distance; else print "db 255\ndd " distance
  last = place
}
END { print "db 0" }
