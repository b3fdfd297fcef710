/* Reads the small files of /proc and /sys. */
#ifndef GVISOR_PROBE_OBSERVE_SMALL_FILE_H
#define GVISOR_PROBE_OBSERVE_SMALL_FILE_H

#include <stddef.h>

/* Reads up to size - 1 bytes of a file and terminates them. Returns how many, or -1 and errno. */
long read_small(const char *path, char *out, size_t size);

#endif
