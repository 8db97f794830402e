// SPDX-License-Identifier: GPL-2.0-only
#include "own_file.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <linux/types.h>

#include "../../bpf/vtbpf.h"
#include "html_page.h"

#define HEAD_BYTES 64
#define TAIL_BYTES 128

/* Files without a quick mark are searched for the key this far; then they count as others'. */
#define SCAN_MAX (256u << 20)

/* Follows JSON just far enough to know the keys of its outermost object. */
struct scanner {
	int depth;
	bool in_string, escaped;
	bool started, over, found;
	char key[8];	/* begin of the string read last, if at depth 1 */
	size_t key_len; /* of all of it */
};

static void scan_string(struct scanner *s, char c)
{
	if (s->escaped) {
		s->escaped = false;
	} else if (c == '\\') {
		s->escaped = true;
	} else if (c == '"') {
		s->in_string = false;
		return;
	}
	if (s->depth == 1) {
		if (s->key_len < sizeof(s->key))
			s->key[s->key_len] = c;
		s->key_len++;
	}
}

static void scan_char(struct scanner *s, char c)
{
	if (!s->started) {
		s->over = c != '{' && c != ' ' && c != '\n' && c != '\r' && c != '\t';
		s->started = c == '{';
	}
	switch (c) {
	case '"':
		s->in_string = true;
		s->key_len = 0;
		break;
	case ':':
		if (s->depth == 1 && s->key_len == 5 && !memcmp(s->key, "vtbpf", 5))
			s->found = true;
		break;
	case '{':
	case '[':
		s->depth++;
		break;
	case '}':
	case ']':
		s->depth--;
		break;
	default:
		break;
	}
}

static bool scan(int fd)
{
	struct scanner s = { 0 };
	char buf[16 * 1024];
	uint64_t total = 0;
	gzFile gz;
	int n, i;

	fd = dup(fd);
	if (fd < 0)
		return false;
	lseek(fd, 0, SEEK_SET);
	gz = gzdopen(fd, "rb"); /* reads plain files as they are */
	if (!gz) {
		close(fd);
		return false;
	}
	while (!s.over && !s.found && total < SCAN_MAX && (n = gzread(gz, buf, sizeof(buf))) > 0) {
		for (i = 0; i < n && !s.over && !s.found; i++) {
			if (s.in_string)
				scan_string(&s, buf[i]);
			else
				scan_char(&s, buf[i]);
		}
		total += (uint64_t)n;
	}
	gzclose(gz);
	return s.found;
}

/* Our gzip header (RFC 1952): ten bytes with the flag FCOMMENT and no other, then the comment. */
static bool has_gzip_mark(const unsigned char *head, size_t n)
{
	return n >= 10 + sizeof(OWN_FILE_GZIP_COMMENT) && head[0] == 0x1f && head[1] == 0x8b &&
	       head[3] == 0x10 &&
	       !memcmp(head + 10, OWN_FILE_GZIP_COMMENT, sizeof(OWN_FILE_GZIP_COMMENT));
}

/* The last key of our JSON: ,"written_by":"vtbpf 0.1.0"}} */
static bool has_json_mark(const char *tail, size_t n)
{
	static const char mark[] = ",\"" OWN_FILE_JSON_KEY "\":\"" OWN_FILE_JSON_VALUE;
	const char *at = memmem(tail, n, mark, sizeof(mark) - 1);
	const char *end;

	if (!at)
		return false;
	at += sizeof(mark) - 1;
	end = memchr(at, '"', (size_t)(tail + n - at));
	return end && tail + n - end >= 3 && !memcmp(end, "\"}}", 3);
}

bool own_file__check(int fd)
{
	unsigned char head[HEAD_BYTES];
	char tail[TAIL_BYTES];
	struct stat st;
	ssize_t n;

	n = pread(fd, head, sizeof(head), 0);
	if (n < 0 || fstat(fd, &st) < 0)
		return false;
	if (n >= 8 && !memcmp(head, VTBPF_CAPTURE_MAGIC, 8))
		return true;
	if (n >= (ssize_t)sizeof(HTML_PAGE_MARK) &&
	    !memcmp(head, HTML_PAGE_MARK, sizeof(HTML_PAGE_MARK) - 1))
		return true;
	if (has_gzip_mark(head, (size_t)n))
		return true;
	n = pread(fd, tail, sizeof(tail), st.st_size > TAIL_BYTES ? st.st_size - TAIL_BYTES : 0);
	if (n > 0 && head[0] == '{' && has_json_mark(tail, (size_t)n))
		return true;
	return scan(fd);
}
