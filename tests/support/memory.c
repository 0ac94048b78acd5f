/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "memory.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

/* What does the work: the sanitizer's functions where there are any, else those of glibc */
/* NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */
extern void *__interceptor_malloc(size_t n) __attribute__((weak));
extern void *__interceptor_calloc(size_t n, size_t size) __attribute__((weak));
extern void *__interceptor_realloc(void *p, size_t n) __attribute__((weak));
extern void *__libc_malloc(size_t n);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t n);
/* NOLINTEND(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */

/* Visible, so that there is one malloc() for the whole process */
#define VISIBLE __attribute__((visibility("default")))

static size_t asked;
static size_t end; /* the call that gets nothing, counted like asked; 0: none */

size_t memory_asked(void)
{
	return asked;
}

void memory_ends_at(size_t nth)
{
	end = nth ? asked + nth : 0;
}

static bool is_short(void)
{
	asked++;
	if (!end || asked < end)
		return false;
	errno = ENOMEM;
	return true;
}

VISIBLE void *malloc(size_t n)
{
	if (is_short())
		return NULL;
	return __interceptor_malloc ? __interceptor_malloc(n) : __libc_malloc(n);
}

VISIBLE void *calloc(size_t n, size_t size)
{
	if (is_short())
		return NULL;
	return __interceptor_calloc ? __interceptor_calloc(n, size) : __libc_calloc(n, size);
}

VISIBLE void *realloc(void *p, size_t n)
{
	if (is_short())
		return NULL;
	return __interceptor_realloc ? __interceptor_realloc(p, n) : __libc_realloc(p, n);
}
