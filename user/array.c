// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "array.h"

#define FIRST_ROOM 16

typedef void *any_pointer __attribute__((may_alias)); /* the caller's has another type */

static int resize(any_pointer *array, size_t n, size_t size)
{
	/* Not reallocarray(): of more than can be, AddressSanitizer's ends the program. */
	void *larger = n <= SIZE_MAX / size ? realloc(*array, n * size) : NULL;

	if (!larger)
		return -ENOMEM;
	*array = larger;
	return 0;
}

int array__reserve(void *array, size_t *room, size_t want, size_t size)
{
	size_t n = *room ? *room : FIRST_ROOM;
	int err;

	while (n < want) {
		if (n > SIZE_MAX / 2)
			return -ENOMEM;
		n *= 2;
	}
	err = resize(array, n, size);
	if (!err)
		*room = n;
	return err;
}

int array__double(void *array, size_t n, size_t size)
{
	if (n > SIZE_MAX / 2)
		return -ENOMEM;
	return resize(array, n ? n * 2 : 1, size);
}
