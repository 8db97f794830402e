/* SPDX-License-Identifier: GPL-2.0-only */
/* The head of an HTTP/1 request (RFC 9112), as far as a server of one file needs it. */
#ifndef VTBPF_HTTP_REQUEST_H
#define VTBPF_HTTP_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum http_method { HTTP_GET, HTTP_HEAD, HTTP_OPTIONS, HTTP_OTHER };

/* Text within the request; not terminated. */
struct http_span {
	const char *p; /* NULL: there is none */
	size_t n;
};

struct http_request {
	enum http_method method;
	struct http_span target; /* as sent, nothing decoded */
	struct http_span host;	 /* at most one; HTTP/1.1 demands it */
	struct http_span origin;
};

/* What the client has sent so far. The length of the head, r filled and pointing into it; 0: it is not
 * whole; -EBADMSG: it is no request. */
ssize_t http_request__parse(const char *text, size_t n, struct http_request *r);

bool http_span__is(struct http_span s, const char *text);

#endif
