/* SPDX-License-Identifier: GPL-2.0-only */
/* Text of any origin to valid UTF-8. What is no character becomes U+FFFD. */
#ifndef VTBPF_UTF_H
#define VTBPF_UTF_H

#include <stddef.h>
#include <stdint.h>

#define UTF8_REPLACEMENT "\xef\xbf\xbd"

/* Length of the character at p (1 to 4), 0 when it is cut off by the end of the n bytes but right
 * so far, or minus the number of bytes (1 to 3) that one U+FFFD stands for. n is at least 1. */
int utf8__check(const unsigned char *p, size_t n);

/* Bytes that utf8__repair may write. */
#define UTF8_MAX(n) (3 * (n) + 1)

/* Copies n bytes of any value to out, what is no character as U+FFFD. Returns how many it wrote. */
size_t utf8__repair(const char *s, size_t n, char *out);

/* Bytes that n code points of `width` (1, 2, 4) bytes each may need as UTF-8. */
size_t ucs__utf8_size(size_t n, unsigned int width);

/* Writes one character, four bytes at most, and returns where it ends. What is none becomes U+FFFD. */
char *utf8__put(uint32_t cp, char *out);

/* Code point i of a Python string's storage. */
uint32_t ucs__at(const void *data, size_t i, unsigned int width);

/* Writes n code points of a Python string's storage to out as UTF-8, without a final NUL, and
 * returns the number of bytes. Surrogates and values beyond U+10FFFF become U+FFFD: in such storage
 * even a pair of surrogates is no character. */
size_t ucs__to_utf8(const void *data, size_t n, unsigned int width, char *out);

#endif
