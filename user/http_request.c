// SPDX-License-Identifier: GPL-2.0-only
#include "http_request.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

bool http_span__is(struct http_span s, const char *text)
{
	return s.p && s.n == strlen(text) && !memcmp(s.p, text, s.n);
}

static bool is_called(struct http_span name, const char *text)
{
	return name.n == strlen(text) && !strncasecmp(name.p, text, name.n);
}

/* The next line of *rest without its end, which is taken off. Only CR LF ends one: what the parties of
 * a request could read differently is refused. */
static bool next_line(struct http_span *rest, struct http_span *line)
{
	const char *end = memmem(rest->p, rest->n, "\r\n", 2);

	if (!end)
		return false;
	*line = (struct http_span){ rest->p, (size_t)(end - rest->p) };
	rest->n -= line->n + 2;
	rest->p = end + 2;
	return true;
}

/* Up to the next blank, which is taken off. */
static struct http_span next_word(struct http_span *rest)
{
	const char *end = memchr(rest->p, ' ', rest->n);
	struct http_span word = { rest->p, end ? (size_t)(end - rest->p) : rest->n };

	rest->p += word.n + (end ? 1 : 0);
	rest->n -= word.n + (end ? 1 : 0);
	return word;
}

static bool is_printable(struct http_span s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] >= 0x7f)
			return false;
	return s.n > 0;
}

static int parse_request_line(struct http_span line, struct http_request *r, bool *host_needed)
{
	struct http_span method = next_word(&line), version;

	r->target = next_word(&line);
	version = line;
	if (!is_printable(method) || !is_printable(r->target))
		return -EBADMSG;
	if (!http_span__is(version, "HTTP/1.1") && !http_span__is(version, "HTTP/1.0"))
		return -EBADMSG;
	*host_needed = http_span__is(version, "HTTP/1.1");
	r->method = http_span__is(method, "GET")     ? HTTP_GET :
		    http_span__is(method, "HEAD")    ? HTTP_HEAD :
		    http_span__is(method, "OPTIONS") ? HTTP_OPTIONS :
						       HTTP_OTHER;
	return 0;
}

static struct http_span trim(struct http_span s)
{
	while (s.n && (*s.p == ' ' || *s.p == '\t')) {
		s.p++;
		s.n--;
	}
	while (s.n && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	return s;
}

/* A header that is there twice says two things: none is believed. */
static int set_once(struct http_span *field, struct http_span value)
{
	if (field->p)
		return -EBADMSG;
	*field = value;
	return 0;
}

static int parse_header(struct http_span line, struct http_request *r)
{
	const char *colon = memchr(line.p, ':', line.n);
	struct http_span name = { line.p, colon ? (size_t)(colon - line.p) : 0 }, value;

	if (!colon || !is_printable(name)) /* a continued line begins with a blank */
		return -EBADMSG;
	value = trim((struct http_span){ colon + 1, line.n - name.n - 1 });
	for (size_t i = 0; i < value.n; i++)
		if (iscntrl((unsigned char)value.p[i]) && value.p[i] != '\t')
			return -EBADMSG;
	if (is_called(name, "Host"))
		return set_once(&r->host, value);
	if (is_called(name, "Origin"))
		return set_once(&r->origin, value);
	return 0;
}

ssize_t http_request__parse(const char *text, size_t n, struct http_request *r)
{
	const char *end = memmem(text, n, "\r\n\r\n", 4);
	struct http_span rest = { text, end ? (size_t)(end - text) + 2 : 0 }, line;
	bool host_needed;

	memset(r, 0, sizeof(*r));
	if (!end)
		return 0;
	if (!next_line(&rest, &line) || parse_request_line(line, r, &host_needed))
		return -EBADMSG;
	while (next_line(&rest, &line))
		if (parse_header(line, r))
			return -EBADMSG;
	if (host_needed && !r->host.p)
		return -EBADMSG;
	return end + 4 - text;
}
