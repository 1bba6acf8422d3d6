/* Preloaded into the engine: files are read and written a few octets at a time, and calls are interrupted, as POSIX allows
   at any moment. What comes of it is drawn from SHORT_COUNTS_SEED; how often it happened stands at the end in the file
   SHORT_COUNTS_LOG. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>

static atomic_ulong calls, shorter, interrupted;
static unsigned long seed;

__attribute__((constructor)) static void begin(void) {
  const char* text = getenv("SHORT_COUNTS_SEED");
  seed = text ? strtoul(text, NULL, 10) : 1;
}

__attribute__((destructor)) static void end(void) {
  const char* path = getenv("SHORT_COUNTS_LOG");
  FILE* log = path ? fopen(path, "w") : NULL;
  if (!log) return;
  fprintf(log, "%lu %lu %lu\n", calls, shorter, interrupted);
  fclose(log);
}

/* How many of `bytes` octets this call is about; 0 for none, because it is interrupted. */
static size_t drawn(size_t bytes) {
  unsigned long x = (++calls + seed) * 0x9e3779b97f4a7c15UL;
  x = (x ^ x >> 31) * 0xbf58476d1ce4e5b9UL;
  x ^= x >> 29;
  if (x % 4 == 0) {
    ++interrupted;
    return 0;
  }
  if (x % 4 != 1 || bytes < 2) return bytes;
  ++shorter;
  return 1 + (x >> 8) % (bytes - 1);
}

#define SHORTENED(name, offset, pointer)                                                  \
  ssize_t name(int fd, pointer data, size_t bytes, offset at) {                          \
    static ssize_t (*real)(int, pointer, size_t, offset);                                \
    if (!real) *(void**)&real = dlsym(RTLD_NEXT, #name);                                 \
    const size_t some = bytes ? drawn(bytes) : 0;                                        \
    if (bytes && !some) return errno = EINTR, -1;                                        \
    return real(fd, data, some, at);                                                     \
  }
SHORTENED(pread, off_t, void*)
SHORTENED(pread64, off64_t, void*)
SHORTENED(pwrite, off_t, const void*)
SHORTENED(pwrite64, off64_t, const void*)
