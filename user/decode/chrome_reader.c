// SPDX-License-Identifier: GPL-2.0-only
#include "chrome_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "../progress.h"

#define FIRST_ROOM (256 * 1024)

enum state {
	AT_BEGIN,
	IN_OBJECT,    /* before a key, or the end of the object */
	BEFORE_VALUE, /* of a member that is handed out: before the colon */
	IN_VALUE,
	BEFORE_EVENTS, /* before the colon of "traceEvents" */
	IN_EVENTS,     /* before an event, or the end of the array */
	AT_END,
};

struct chrome_reader {
	gzFile gz;
	uint64_t file_size, told; /* told: bytes of the file that progress knows of */
	char *buf;
	size_t room, at, end; /* what is still to be read is buf[at..end) */
	uint64_t base;	      /* place of buf[0] in the text */
	bool eof;
	enum state state;
	bool bare;  /* the array alone, without an object around it */
	bool first; /* nothing has come yet where we are: no comma before it */
	struct json_scan scan;
	char why[160];
};

/* ---- bytes ------------------------------------------------------------------------------ */

static int fail(struct chrome_reader *r, int err, const char *what)
{
	snprintf(r->why, sizeof(r->why), "%s, at byte %llu", what,
		 (unsigned long long)(r->base + r->at));
	return err;
}

static void tell_progress(struct chrome_reader *r)
{
	z_off_t at = gzoffset(r->gz);

	if (at <= 0 || (uint64_t)at <= r->told)
		return;
	progress__add((uint64_t)at - r->told);
	r->told = (uint64_t)at;
}

/* More bytes behind those that are there: 1, 0 at the end of the file. */
static int read_more(struct chrome_reader *r)
{
	int n, zerr = Z_OK;

	if (r->eof)
		return 0;
	n = gzread(r->gz, r->buf + r->end, (unsigned int)(r->room - r->end));
	if (n <= 0) {
		gzerror(r->gz, &zerr);
		if (n < 0 || (zerr != Z_OK && zerr != Z_STREAM_END))
			return fail(r, zerr == Z_ERRNO ? -errno : -EBADMSG,
				    "the file cannot be read on: damaged or cut off");
		r->eof = true;
		return 0;
	}
	r->end += (size_t)n;
	tell_progress(r);
	return 1;
}

/* Makes room, keeping what was not read yet, and reads: 1, 0 at the end, or a negative errno. */
static int fill(struct chrome_reader *r)
{
	char *buf;

	if (r->at) {
		memmove(r->buf, r->buf + r->at, r->end - r->at);
		r->base += r->at;
		r->end -= r->at;
		r->at = 0;
	}
	if (r->end == r->room) {
		if (r->room >= CHROME_EVENT_MAX)
			return fail(r, -EMSGSIZE, "an event or a key is larger than 16 MB");
		buf = realloc(r->buf, r->room * 2);
		if (!buf)
			return -ENOMEM;
		r->buf = buf;
		r->room *= 2;
	}
	return read_more(r);
}

/* The next character that is no blank, not taken; 0 at the end of the file, or a negative errno. */
static int peek(struct chrome_reader *r)
{
	int more;

	for (;;) {
		while (r->at < r->end && json_text__is_blank(r->buf[r->at]))
			r->at++;
		if (r->at < r->end)
			return (unsigned char)r->buf[r->at];
		more = fill(r);
		if (more <= 0)
			return more;
	}
}

/* Takes a whole value into the buffer. */
static int take_whole(struct chrome_reader *r, struct json_span *text)
{
	struct json_scan *s = &r->scan;
	size_t n = 0;
	int more = 1;

	memset(s, 0, sizeof(*s));
	while (more > 0) {
		n += json_scan__run(s, r->buf + r->at + n, r->end - r->at - n);
		if (s->bad)
			return fail(r, -EBADMSG, "not JSON");
		if (s->done)
			break;
		more = fill(r);
	}
	if (more < 0)
		return more;
	if (!s->done)
		return fail(r, -EBADMSG, "the file ends in the middle of a value");
	*text = (struct json_span){ r->buf + r->at, n };
	r->at += n;
	return 0;
}

/* ---- what comes next -------------------------------------------------------------------- */

/* Past the comma between two elements. 1, 0 when the closing bracket came and was taken, -errno. */
static int separate(struct chrome_reader *r, char closing)
{
	int c = peek(r);

	if (c < 0)
		return c;
	if (c == closing) {
		r->at++;
		return 0;
	}
	if (!c && r->bare && closing == ']')
		return 0; /* Chrome's own traces may lack the last bracket */
	if (!r->first) {
		if (c != ',')
			return fail(r, -EBADMSG, c ? "no comma" : "the file is cut off");
		r->at++;
		c = peek(r);
		if (!c && r->bare && closing == ']')
			return 0;
	}
	r->first = false;
	if (c > 0)
		return 1;
	return c ? c : fail(r, -EBADMSG, "the file is cut off");
}

static int end_of_file(struct chrome_reader *r)
{
	int c = peek(r);

	r->state = AT_END;
	if (c > 0)
		return fail(r, -EBADMSG, "more text behind the end of the trace");
	return c;
}

static int next_event(struct chrome_reader *r, struct chrome_item *item)
{
	int more = separate(r, ']');

	if (more < 0)
		return more;
	if (!more) {
		r->state = IN_OBJECT;
		r->first = false;
		return r->bare ? end_of_file(r) : -EAGAIN;
	}
	if (r->buf[r->at] != '{')
		return fail(r, -EBADMSG, "an event is no object");
	more = take_whole(r, &item->text);
	return more ? more : CHROME_EVENT;
}

static int next_member(struct chrome_reader *r, struct chrome_item *item)
{
	int more = separate(r, '}');

	if (more <= 0)
		return more ? more : end_of_file(r);
	if (r->buf[r->at] != '"')
		return fail(r, -EBADMSG, "no key");
	more = take_whole(r, &item->text);
	if (more)
		return more;
	r->state = json_text__is(item->text, "\"traceEvents\"") ? BEFORE_EVENTS : BEFORE_VALUE;
	return r->state == BEFORE_EVENTS ? -EAGAIN : CHROME_KEY;
}

/* Past the colon, to the begin of a value. */
static int colon(struct chrome_reader *r)
{
	int c = peek(r);

	if (c != ':')
		return c < 0 ? c : fail(r, -EBADMSG, "no colon");
	r->at++;
	c = peek(r);
	return c > 0 ? 0 : c < 0 ? c : fail(r, -EBADMSG, "the file is cut off");
}

static int begin_events(struct chrome_reader *r)
{
	int err = colon(r);

	if (err)
		return err;
	if (r->buf[r->at] != '[')
		return fail(r, -EBADMSG, "traceEvents is no array");
	r->at++;
	r->state = IN_EVENTS;
	r->first = true;
	return -EAGAIN;
}

static int next_piece(struct chrome_reader *r, struct chrome_item *item)
{
	int more = 1;
	size_t n;

	while (r->at == r->end && more > 0)
		more = fill(r);
	if (more < 0)
		return more;
	if (!more)
		return fail(r, -EBADMSG, "the file ends in the middle of a value");
	n = json_scan__run(&r->scan, r->buf + r->at, r->end - r->at);
	if (r->scan.bad)
		return fail(r, -EBADMSG, "not JSON");
	item->text = (struct json_span){ r->buf + r->at, n };
	r->at += n;
	if (r->scan.done)
		r->state = IN_OBJECT;
	return CHROME_PIECE;
}

static int begin_trace(struct chrome_reader *r)
{
	int c = peek(r);

	if (c < 0)
		return c;
	if (c != '{' && c != '[')
		return fail(r, -EMEDIUMTYPE, "neither a capture nor a Chrome trace");
	r->at++;
	r->bare = c == '[';
	r->state = r->bare ? IN_EVENTS : IN_OBJECT;
	r->first = true;
	return -EAGAIN;
}

static int begin_value(struct chrome_reader *r)
{
	int err = colon(r);

	if (err)
		return err;
	memset(&r->scan, 0, sizeof(r->scan));
	r->state = IN_VALUE;
	return -EAGAIN;
}

static int step(struct chrome_reader *r, struct chrome_item *item)
{
	switch (r->state) {
	case AT_BEGIN:
		return begin_trace(r);
	case IN_OBJECT:
		return next_member(r, item);
	case BEFORE_VALUE:
		return begin_value(r);
	case IN_VALUE:
		return next_piece(r, item);
	case BEFORE_EVENTS:
		return begin_events(r);
	case IN_EVENTS:
		return next_event(r, item);
	case AT_END:
		break;
	}
	return CHROME_END;
}

int chrome_reader__next(struct chrome_reader *r, struct chrome_item *item)
{
	int got;

	do {
		got = step(r, item);
	} while (got == -EAGAIN);
	return got;
}

/* ---- the file --------------------------------------------------------------------------- */

bool chrome_reader__fits(const char *path)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	unsigned char head[256];
	ssize_t n = fd < 0 ? -1 : pread(fd, head, sizeof(head), 0), i = 0;

	if (fd >= 0)
		close(fd);
	while (i < n && json_text__is_blank((char)head[i]))
		i++;
	if (i == n)
		return false;
	return head[i] == '{' || head[i] == '[' || (n > 1 && head[0] == 0x1f && head[1] == 0x8b);
}

static int open_file(struct chrome_reader *r, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return -ESPIPE;
	}
	r->file_size = (uint64_t)st.st_size;
	r->gz = gzdopen(fd, "rb"); /* reads plain files as they are */
	if (!r->gz) {
		close(fd);
		return -ENOMEM;
	}
	gzbuffer(r->gz, FIRST_ROOM);
	return 0;
}

int chrome_reader__open(const char *path, struct chrome_reader **out, char *why, size_t why_size)
{
	struct chrome_reader *r = calloc(1, sizeof(*r));
	int err;

	*out = NULL;
	if (!r)
		return -ENOMEM;
	r->room = FIRST_ROOM;
	r->buf = malloc(r->room);
	err = r->buf ? open_file(r, path) : -ENOMEM;
	if (err) {
		snprintf(why, why_size, "%s",
			 err == -ESPIPE ? "it is read twice, so it must be a file" :
					  strerror(-err));
		chrome_reader__free(r);
		return err;
	}
	*out = r;
	return 0;
}

void chrome_reader__free(struct chrome_reader *r)
{
	if (!r)
		return;
	if (r->gz)
		gzclose(r->gz);
	free(r->buf);
	free(r);
}

const char *chrome_reader__why(const struct chrome_reader *r)
{
	return r->why;
}

int chrome_reader__rewind(struct chrome_reader *r)
{
	if (gzrewind(r->gz) < 0)
		return fail(r, -EIO, "the file cannot be read again");
	r->at = r->end = 0;
	r->base = r->told = 0;
	r->eof = false;
	r->state = AT_BEGIN;
	return 0;
}

uint64_t chrome_reader__size(const struct chrome_reader *r)
{
	return r->file_size;
}
