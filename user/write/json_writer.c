// SPDX-License-Identifier: GPL-2.0-only
#include "json_writer.h"

#include "../utf.h"

#define DEL 0x7f

static const char digit_pairs[] = "00010203040506070809101112131415161718192021222324"
				  "25262728293031323334353637383940414243444546474849"
				  "50515253545556575859606162636465666768697071727374"
				  "75767778798081828384858687888990919293949596979899";

char *json__put_u64(char *out, uint64_t value)
{
	char tmp[20], *p = tmp + sizeof(tmp);

	while (value >= 100) {
		p -= 2;
		memcpy(p, &digit_pairs[value % 100 * 2], 2);
		value /= 100;
	}
	if (value >= 10) {
		p -= 2;
		memcpy(p, &digit_pairs[value * 2], 2);
	} else {
		*--p = (char)('0' + value);
	}
	memcpy(out, p, (size_t)(tmp + sizeof(tmp) - p));
	return out + (tmp + sizeof(tmp) - p);
}

char *json__put_us(char *out, uint64_t ns)
{
	unsigned int rest = ns % 1000;

	out = json__put_u64(out, ns / 1000);
	*out++ = '.';
	*out++ = (char)('0' + rest / 100);
	memcpy(out, &digit_pairs[rest % 100 * 2], 2);
	return out + 2;
}

static bool is_plain(unsigned char c)
{
	return c >= 0x20 && c < 0x80 && c != '"' && c != '\\';
}

static char *put_escape(char *out, unsigned char c)
{
	static const char hex[] = "0123456789abcdef";
	static const char *const letters = "\"\"\\\\\nn\tt\rr\bb\ff"; /* character, its letter */
	const char *p;

	*out++ = '\\';
	for (p = letters; *p; p += 2) {
		if ((unsigned char)*p == c) {
			*out++ = p[1];
			return out;
		}
	}
	memcpy(out, "u00", 3);
	out[3] = hex[c >> 4];
	out[4] = hex[c & 15];
	return out + 5;
}

/* Escapes one character of s, whose n bytes hold it whole or to its end; moves *s on. */
static char *escape_one(const char **s, size_t n, char *out)
{
	const unsigned char *p = (const unsigned char *)*s;
	int len;

	if (*p < 0x80) {
		*s += 1;
		if (!is_plain(*p))
			return put_escape(out, *p);
		*out = (char)*p;
		return out + 1;
	}
	len = utf8__check(p, n);
	if (len > 0) {
		memcpy(out, p, (size_t)len);
		*s += len;
		return out + len;
	}
	*s += len ? (size_t)-len : n; /* 0: cut off by the end */
	memcpy(out, UTF8_REPLACEMENT, 3);
	return out + 3;
}

char *json__escape(const char *s, size_t n, char *out)
{
	const char *end = s + n;

	while (s < end)
		out = escape_one(&s, (size_t)(end - s), out);
	return out;
}

static void separate(struct json_writer *j)
{
	if (j->comma)
		outbuf__write(j->out, ",", 1);
	j->comma = true;
}

void json__open(struct json_writer *j, char bracket)
{
	separate(j);
	outbuf__write(j->out, &bracket, 1);
	j->comma = false;
}

void json__close(struct json_writer *j, char bracket)
{
	outbuf__write(j->out, &bracket, 1);
	j->comma = true;
}

void json__key(struct json_writer *j, const char *key)
{
	json__key_n(j, key, strlen(key));
}

void json__key_n(struct json_writer *j, const char *key, size_t n)
{
	json__string_n(j, key, n);
	outbuf__write(j->out, ":", 1);
	j->comma = false;
}

void json__raw(struct json_writer *j, const char *text, size_t n)
{
	separate(j);
	outbuf__write(j->out, text, n);
}

void json__quoted(struct json_writer *j, const char *text, size_t n)
{
	const char *end = text + n, *del;

	separate(j);
	while (j->escape_del && (del = memchr(text, DEL, (size_t)(end - text)))) {
		outbuf__write(j->out, text, (size_t)(del - text));
		outbuf__reserve(j->out, 6);
		j->out->at = put_escape(j->out->at, DEL);
		text = del + 1;
	}
	outbuf__write(j->out, text, (size_t)(end - text));
}

void json__string(struct json_writer *j, const char *s)
{
	json__string_n(j, s, strlen(s));
}

void json__string_n(struct json_writer *j, const char *s, size_t n)
{
	json__string_begin(j);
	json__string_part(j, s, n);
	json__string_end(j);
}

void json__string_begin(struct json_writer *j)
{
	separate(j);
	outbuf__write(j->out, "\"", 1);
	j->n_carry = 0;
}

static void write_escaped(struct json_writer *j, const char *s, size_t n)
{
	char del = j->escape_del ? DEL : 0;
	struct outbuf *o = j->out;
	const char *end = s + n;
	const char *run;

	while (s < end) {
		for (run = s; s < end && is_plain((unsigned char)*s) && *s != del;)
			s++;
		outbuf__write(o, run, (size_t)(s - run));
		if (s == end)
			break;
		outbuf__reserve(o, 8);
		if (*s == DEL)
			o->at = put_escape(o->at, (unsigned char)*s++);
		else
			o->at = escape_one(&s, (size_t)(end - s), o->at);
	}
}

/* Completes the character begun by the last part. Returns how many bytes of s that took. */
static size_t finish_carry(struct json_writer *j, const char *s, size_t n)
{
	size_t taken = 0;

	while (j->n_carry && taken < n) {
		j->carry[j->n_carry++] = (unsigned char)s[taken++];
		if (!utf8__check(j->carry, j->n_carry))
			continue;
		/* An invalid end does not belong to the begun character: give the last byte
		 * back. */
		if (utf8__check(j->carry, j->n_carry) < 0) {
			j->n_carry--;
			taken--;
		}
		write_escaped(j, (const char *)j->carry, j->n_carry);
		j->n_carry = 0;
	}
	return taken;
}

/* How many bytes at the end of s begin a character that is cut off there. */
static size_t cut_off(const char *s, size_t n)
{
	size_t back;

	for (back = 1; back <= 3 && back <= n; back++) {
		unsigned char c = (unsigned char)s[n - back];

		if (c >= 0xc0)
			return utf8__check((const unsigned char *)s + n - back, back) ? 0 : back;
		if (c < 0x80)
			return 0;
	}
	return 0;
}

void json__string_part(struct json_writer *j, const char *s, size_t n)
{
	size_t taken = finish_carry(j, s, n), cut;

	s += taken;
	n -= taken;
	cut = cut_off(s, n);
	write_escaped(j, s, n - cut);
	if (cut) {
		memcpy(j->carry, s + n - cut, cut);
		j->n_carry = cut;
	}
}

void json__string_end(struct json_writer *j)
{
	if (j->n_carry)
		outbuf__write(j->out, UTF8_REPLACEMENT, 3);
	j->n_carry = 0;
	outbuf__write(j->out, "\"", 1);
}

void json__u64(struct json_writer *j, uint64_t value)
{
	separate(j);
	outbuf__reserve(j->out, 20);
	j->out->at = json__put_u64(j->out->at, value);
}

void json__i64(struct json_writer *j, int64_t value)
{
	separate(j);
	outbuf__reserve(j->out, 21);
	if (value < 0)
		*j->out->at++ = '-';
	j->out->at = json__put_u64(j->out->at, value < 0 ? -(uint64_t)value : (uint64_t)value);
}

void json__us(struct json_writer *j, uint64_t ns)
{
	separate(j);
	outbuf__reserve(j->out, 24);
	j->out->at = json__put_us(j->out->at, ns);
}

void json__bool(struct json_writer *j, bool value)
{
	json__raw(j, value ? "true" : "false", value ? 4 : 5);
}

void json__str_field(struct json_writer *j, const char *key, const char *s)
{
	json__key(j, key);
	json__string(j, s);
}

void json__u64_field(struct json_writer *j, const char *key, uint64_t value)
{
	json__key(j, key);
	json__u64(j, value);
}

void json__us_field(struct json_writer *j, const char *key, uint64_t ns)
{
	json__key(j, key);
	json__us(j, ns);
}
