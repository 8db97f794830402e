/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Streaming JSON. Commas are its business, balance of begin and end the caller's. Strings are raw
 * UTF-8: only the quote, the backslash and control characters are escaped, since Perfetto shows \u
 * escapes of other characters as they stand. What is not UTF-8 becomes U+FFFD. Errors stick in the
 * outbuf.
 */
#ifndef VTBPF_JSON_WRITER_H
#define VTBPF_JSON_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "outbuf.h"

struct json_writer {
	struct outbuf *out;
	bool comma;		/* the next key or value needs one before it */
	unsigned char carry[4]; /* begin of a character cut in two by json__string_part */
	size_t n_carry;
	/* U+007F, too, is escaped. Perfetto (v52) refuses a file that has it as it is outside of
	 * traceEvents, and shows the escape as it stands within. */
	bool escape_del;
};

static inline void json__init(struct json_writer *j, struct outbuf *out)
{
	*j = (struct json_writer){ .out = out };
}

/* Objects and arrays: bracket is one of {, }, [, ]. */
void json__open(struct json_writer *j, char bracket);
void json__close(struct json_writer *j, char bracket);

/* A key of an object: a constant without anything to escape. */
void json__key(struct json_writer *j, const char *key);

void json__string(struct json_writer *j, const char *s);
void json__string_n(struct json_writer *j, const char *s, size_t n);
void json__u64(struct json_writer *j, uint64_t value);
void json__i64(struct json_writer *j, int64_t value);
void json__bool(struct json_writer *j, bool value);
void json__us(struct json_writer *j, uint64_t ns); /* microseconds with three decimals */

/* A key of an object that may need escaping; and text that is JSON already. */
void json__key_n(struct json_writer *j, const char *key, size_t n);
void json__raw(struct json_writer *j, const char *text, size_t n);

/* A string that is quoted and escaped already, but for what escape_del asks for. */
void json__quoted(struct json_writer *j, const char *text, size_t n);

/* A string in parts, which may cut characters in two. */
void json__string_begin(struct json_writer *j);
void json__string_part(struct json_writer *j, const char *s, size_t n);
void json__string_end(struct json_writer *j);

/* Key and value in one: for the many lines that are just that. */
void json__str_field(struct json_writer *j, const char *key, const char *s);
void json__u64_field(struct json_writer *j, const char *key, uint64_t value);
void json__us_field(struct json_writer *j, const char *key, uint64_t ns);

/* Bytes that n bytes of text may need when escaped. */
#define JSON_ESCAPED_MAX(n) ((n)*6)

/* Writes s escaped, without quotes, to out, which has room for JSON_ESCAPED_MAX(n). Returns the
 * end. */
char *json__escape(const char *s, size_t n, char *out);

/* Decimal digits of value, at most 20; returns the end. And ns as microseconds with three decimals,
 * at most 22. */
char *json__put_u64(char *out, uint64_t value);
char *json__put_us(char *out, uint64_t ns);

#endif
