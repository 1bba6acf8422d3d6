/* Counts calls of malloc, calloc, realloc and aligned_alloc of a process, and prints them when it ends:
 *
 *     cc -O2 -shared -fPIC -o /tmp/count.so bench/count_allocations.c
 *     LD_PRELOAD=/tmp/count.so trunkline run --config F --once
 *
 * Run it with two sizes of batch: the difference of the counts over that of the messages is what a message costs. */
#include <stdio.h>
#include <stdlib.h>

extern void* __libc_malloc(size_t);
extern void* __libc_calloc(size_t, size_t);
extern void* __libc_realloc(void*, size_t);
extern void* __libc_memalign(size_t, size_t);

static unsigned long calls;
static void count(void) { __atomic_fetch_add(&calls, 1, __ATOMIC_RELAXED); }

void* malloc(size_t bytes) { return count(), __libc_malloc(bytes); }
void* calloc(size_t count_of, size_t bytes) { return count(), __libc_calloc(count_of, bytes); }
void* realloc(void* old, size_t bytes) { return count(), __libc_realloc(old, bytes); }
void* aligned_alloc(size_t alignment, size_t bytes) { return count(), __libc_memalign(alignment, bytes); }

__attribute__((destructor)) static void print(void) { fprintf(stderr, "allocations: %lu\n", calls); }
