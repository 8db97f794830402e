/* SPDX-License-Identifier: GPL-2.0-only */
/* Any bytes as an HTTP request: what is found in it lies in it, and comes out the same when they
 * arrive one by one. */
#include <stdint.h>
#include <stdlib.h>

#include "../../user/http_request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_span(struct http_span s, const char *text, size_t n)
{
	if (s.p && (s.p < text || s.p + s.n > text + n))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct http_request r, again;
	ssize_t len = http_request__parse(text, size, &r);

	if (len <= 0)
		return 0;
	if ((size_t)len > size || !r.target.p || !r.target.n)
		abort();
	check_span(r.target, text, (size_t)len);
	check_span(r.host, text, (size_t)len);
	check_span(r.origin, text, (size_t)len);
	for (size_t n = 0; n < (size_t)len; n++)
		if (http_request__parse(text, n, &again))
			abort();
	return 0;
}
