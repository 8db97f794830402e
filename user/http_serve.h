/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Serves one file on 127.0.0.1, to whoever knows its path: GET, HEAD and OPTIONS of exactly that.
 * A request is answered only if its Host is 127.0.0.1 or localhost with our port; so no page of
 * elsewhere gets at the file under a name that it lets point here (DNS rebinding). Bounded: 16
 * connections, 8 kB of request, time limits; one request a connection.
 */
#ifndef VTBPF_HTTP_SERVE_H
#define VTBPF_HTTP_SERVE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct http_file {
	int fd;		  /* a regular file, open for reading, the caller's */
	const char *path; /* in the address: begins with '/', percent-encoded */
	const char *type; /* Content-Type */
	const char *
		origin; /* whose pages may read it, "https://ui.perfetto.dev"; NULL: only its own */
};

struct http_server;

/* Listens on that port of 127.0.0.1; 0: any free one. file and what it points to must stay. NULL with
 * errno. */
struct http_server *http_server__new(const struct http_file *file, uint16_t port);
void http_server__free(struct http_server *s); /* NULL allowed */

uint16_t http_server__port(const struct http_server *s);

/* Waits until something happens, and does what there is to do. The index of one of the n_wake
 * descriptors that can be read, else -1. SIGPIPE must be ignored. */
int http_server__step(struct http_server *s, const int *wake, unsigned int n_wake);

/* Has a page of file->origin, or without one, anybody, got the whole file? */
bool http_server__fetched(const struct http_server *s);

#endif
