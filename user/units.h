/* SPDX-License-Identifier: GPL-2.0-only */
/* Times and sizes as people write them. */
#ifndef VTBPF_UNITS_H
#define VTBPF_UNITS_H

#include <stdint.h>
#include <stddef.h>

/* "10s", "500ms", "2m", "1h", "20us", "300ns", "1.5s"; a bare number counts `bare_ns` each. 0, or
 * -EINVAL (no such unit, not a number, negative) or -ERANGE. */
int parse_time(const char *s, uint64_t bare_ns, uint64_t *ns);

/* "65536", "64k", "16M", "1G" (powers of 1024; KB, KiB, MB ... too). 0, -EINVAL or -ERANGE. */
int parse_size(const char *s, uint64_t *bytes);

/* "1,204,311". Returns buf. */
char *format_count(uint64_t n, char *buf, size_t size);

/* "12.3 MB" (powers of 1000). Returns buf. */
char *format_size(uint64_t bytes, char *buf, size_t size);

/* "12.3 ms", as few as three digits that count. Returns buf. */
char *format_ns(double ns, char *buf, size_t size);

#endif
