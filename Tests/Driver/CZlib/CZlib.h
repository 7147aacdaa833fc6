// zlib, for the PNG files of the picture tests.
#include <zlib.h>
