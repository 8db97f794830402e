/* SPDX-License-Identifier: GPL-2.0-only */
/* Arrays that grow. The caller has the pointer, NULL at first, and frees it. */
#ifndef VTBPF_ARRAY_H
#define VTBPF_ARRAY_H

#include <stddef.h>

/*
 * Room for `want` elements: 0, or -ENOMEM, and the array is as it was. room, a size_t, is how many there
 * is room for, 0 at first; it doubles.
 */
#define ARRAY_RESERVE(array, room, want) \
	((want) <= (room) ? 0 : array__reserve(&(array), &(room), want, sizeof(*(array))))

/* Room for one more behind n of them, in an array that only this makes larger: 0 or -ENOMEM. */
#define ARRAY_ONE_MORE(array, n) ((n) & ((n)-1) ? 0 : array__double(&(array), n, sizeof(*(array))))

/* For the macros: array is the address of the pointer, size that of an element. */
int array__reserve(void *array, size_t *room, size_t want, size_t size);
int array__double(void *array, size_t n, size_t size);

#endif
